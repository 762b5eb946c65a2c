"""STUN and TURN servers: addresses, the service's list, probes (protocol.md 13)."""
