"""The embedded handshake server (protocol.md 12)."""
