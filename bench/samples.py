"""Messages as they come in a real room, in the sizes that they have there."""

from roomtape.model import Candidate, Description, PeerId, RoomId, SdpType, SessionId, StreamId
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect, SayBye, Seed, SendCandidates, SendDescription, Side
from roomtape.signaling.wire import Context, render

IDENTITY = make_identity("a password for the bench")
ROOM = RoomId("0123456789abcdef")
CODECS = (
    *("96 VP8/90000", "97 rtx/90000", "98 VP9/90000", "99 rtx/90000", "100 VP9/90000", "101 rtx/90000"),
    *("102 H264/90000", "103 rtx/90000", "104 H264/90000", "105 rtx/90000", "106 AV1/90000", "107 rtx/90000"),
    *("108 red/90000", "109 rtx/90000", "110 ulpfec/90000"),
)
FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
CANDIDATES = tuple(
    Candidate(f"candidate:{n} 1 udp {2122260223 - n} 192.0.2.{n} {50000 + n} typ host generation 0 ufrag Abcd", "0")
    for n in range(1, 6)
)
"""As many as a laptop with two networks sends in one message."""


def sdp() -> str:
    """An offer as long as a browser's, some 4 kB."""
    lines = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    credentials = ["c=IN IP4 0.0.0.0", "a=ice-ufrag:Abcd", "a=ice-pwd:0123456789abcdefghijklmn", "a=setup:actpass"]
    lines += ["m=audio 9 UDP/TLS/RTP/SAVPF 111", *credentials, "a=mid:0", "a=rtpmap:111 opus/48000/2", "a=sendonly"]
    lines += ["m=video 9 UDP/TLS/RTP/SAVPF " + " ".join(c.split()[0] for c in CODECS), *credentials, "a=mid:1"]
    for codec in CODECS:
        lines.append(f"a=rtpmap:{codec}")
        lines += [f"a=rtcp-fb:{codec.split()[0]} {kind}" for kind in FEEDBACK]
    return "\r\n".join([*lines, "a=sendonly", ""])


OFFER = Description(SdpType.OFFER, sdp())
ANSWER = Description(SdpType.ANSWER, sdp())


def frames(phrase: str | None) -> tuple[str, ...]:
    """What one guest sends in order to be recorded; encrypted if there is a phrase."""
    context = Context(PeerId("guest"), phrase, ROOM)
    recorder, session = PeerId("recorder"), SessionId("session")
    stream = IDENTITY.wire_id(StreamId("guest"))
    return (
        render(Seed(stream), context, Dialect.FANOUT),
        render(SendDescription(recorder, session, OFFER, stream), context, Dialect.FANOUT),
        render(SendCandidates(recorder, session, Side.PUBLISHER, CANDIDATES), context, Dialect.FANOUT),
        render(SayBye(recorder, session), context, Dialect.FANOUT),
    )
