"""roomtape records every guest of a WebRTC room to a file of their own."""

__version__ = "0.1.0"
