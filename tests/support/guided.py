"""Texts that lead to as many places of the parsers as can be found: a program for atheris (libFuzzer, by coverage).

    python -m tests.support.guided channel|signaling CORPUS [libFuzzer's options]

CORPUS holds the texts to begin with, and in the end also those that led somewhere new. An exception that a parser does
not promise ends the program, and so does a text that takes a second.
"""

import sys
from collections.abc import Callable
from typing import Final

import atheris

with atheris.instrument_imports(include=["roomtape"]):
    from roomtape.child import sdp
    from roomtape.child.guest import read_guest_info, screen_sections
    from roomtape.errors import RecorderError
    from roomtape.model import Codec, PeerId, TrackKind
    from roomtape.signaling import envelope, wire

CONTEXT: Final = wire.Context(PeerId("me"), None, None)
ALL: Final = frozenset(TrackKind)
PREFERENCE: Final = (Codec.VP8, Codec.H264, Codec.OPUS)


def channel(text: str) -> None:
    """As a recording child reads its guest's texts (`Recording._on_object`), up to webrtcbin."""
    obj = envelope.read_json(text)
    if not isinstance(obj, dict):
        return
    read_guest_info(obj)
    screen_sections(obj)
    if envelope.has_candidates(obj):
        for candidate in envelope.read_candidates(obj, None):
            sdp.candidate_type(candidate.candidate)
    if envelope.has_description(obj):
        description = envelope.read_description(obj, None)
        sdp.fingerprints(description.sdp)
        sdp.traits(sdp.select(description.sdp, PREFERENCE, ALL).sdp)


def signaling(text: str) -> None:
    """As the main process reads what comes from the handshake server."""
    wire.parse(text, CONTEXT)


PARSERS: Final[dict[str, Callable[[str], None]]] = {"channel": channel, "signaling": signaling}


def main() -> None:
    what, corpus, *options = sys.argv[1:]
    parse = PARSERS[what]

    def one_input(data: bytes) -> None:
        try:
            parse(data.decode(errors="replace"))
        except RecorderError:
            return

    atheris.Setup([sys.argv[0], corpus, "-timeout=1", *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
