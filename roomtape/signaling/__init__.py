"""The handshake protocol: identities, encryption, wire format, the client (protocol.md 1-7)."""
