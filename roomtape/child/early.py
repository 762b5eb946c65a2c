"""Media that comes before the key for it (RFC 5763 section 6.2): kept, and handed on as soon as it can be decrypted.

A guest has the keys as soon as its last DTLS message is written, and the first packets of media may overtake that:
GStreamer sends the two from different threads. Without this a recording waits for another key frame.
"""

from typing import Any, Final

from roomtape.child.gst import Gst

MOST: Final = 256
"""Packets: as many as come in a fifth of a second of the best picture. More are dropped and counted."""


class EarlyMedia:
    """Of one connection. `dropped` counts packets."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Any]] = []
        self._has_key = self._goes_on = False
        self.dropped = 0

    def watch_keys(self, dtlsdec: Any) -> None:
        """The element that makes the handshake has been made."""
        dtlsdec.connect("on-key-received", self._key_received)

    def watch_media(self, srtpdec: Any) -> None:
        """The element that decrypts has been made."""
        srtpdec.get_static_pad("rtp_sink").add_probe(Gst.PadProbeType.BUFFER, self._arrived)

    def _key_received(self, _: Any) -> None:
        """In the thread that media comes in, too."""
        self._has_key = True

    def _arrived(self, pad: Any, info: Any) -> Any:
        """For packets until the key has come and for the next one, before which go those that were kept."""
        if self._goes_on:
            return Gst.PadProbeReturn.OK
        if self._has_key:
            self._goes_on, kept, self._kept = True, self._kept, []
            for entry, buffer in kept:
                entry.chain(buffer)
            return Gst.PadProbeReturn.REMOVE
        if len(self._kept) < MOST:
            self._kept.append((pad, info.get_buffer()))
        else:
            self.dropped += 1
        return Gst.PadProbeReturn.DROP
