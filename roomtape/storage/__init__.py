"""Recordings on disk: names, the manifest, verification."""
