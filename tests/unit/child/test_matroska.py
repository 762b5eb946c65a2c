import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.matroska import CLUSTER_MS, CODEC_IDS, Clusters, StreamTrack, header, number_of
from roomtape.model import Codec

EBML, SEGMENT, TRACKS, ENTRY = "1a45dfa3", "18538067", "1654ae6b", "ae"
CLUSTER, TIMESTAMP, BLOCK = "1f43b675", "e7", "a3"
UNKNOWN = (1 << 56) - 1
MASTERS = {EBML, SEGMENT, "1549a966", TRACKS, ENTRY, "e0", "e1", CLUSTER}


def vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """A variable-size integer and the position behind it (RFC 8794 section 4)."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length


def elements(data: bytes) -> list[tuple[str, bytes]]:
    """All elements in order; those that only hold others, and those of unknown size, come with nothing in them."""
    found, at = [], 0
    while at < len(data):
        number, at = vint(data, at, keep_marker=True)
        size, at = vint(data, at, keep_marker=False)
        name = f"{number:x}"
        if name in MASTERS:
            found.append((name, b""))
            continue
        assert size != UNKNOWN
        assert at + size <= len(data)
        found.append((name, data[at : at + size]))
        at += size
    return found


def test_a_header_names_format_segment_and_tracks() -> None:
    picture = StreamTrack(Codec.H264, 1280, 720, private=b"\x01avcC")
    found = elements(header([picture, StreamTrack(Codec.OPUS, channels=1)]))
    names = [name for name, _ in found]
    assert names[0] == EBML
    assert names.count(ENTRY) == 2
    assert names.index(SEGMENT) < names.index(TRACKS)
    values = {name: [value for other, value in found if other == name] for name, _ in found}
    assert values["4282"] == [b"matroska"]
    assert values["2ad7b1"] == [(1_000_000).to_bytes(3, "big")]
    assert values["86"] == [b"V_MPEG4/ISO/AVC", b"A_OPUS"]
    assert [int.from_bytes(kind) for kind in values["83"]] == [1, 2]
    assert (values["b0"], values["ba"]) == ([b"\x05\x00"], [b"\x02\xd0"])
    assert values["63a2"] == [b"\x01avcC", b"OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00"]
    assert struct.unpack(">d", values["b5"][0]) == (48_000.0,)


def test_the_segment_has_no_end() -> None:
    data = header([StreamTrack(Codec.VP8, 320, 180)])
    start = data.index(bytes.fromhex(SEGMENT)) + 4
    assert vint(data, start, keep_marker=False) == (UNKNOWN, start + 8)
    assert b"\x63\xa2" not in data  # VP8 has nothing to tell beforehand


def test_every_codec_has_a_track_number_of_its_own() -> None:
    assert len({number_of(codec) for codec in CODEC_IDS}) == len(CODEC_IDS)


def block(data: bytes) -> tuple[int, int, int, bytes]:
    """Track number, time in its cluster, flags and frame."""
    return (data[0] & 0x7F, *struct.unpack(">hB", data[1:4]), data[4:])


def test_frames_become_blocks_of_a_cluster() -> None:
    clusters = Clusters()
    first = elements(clusters.block(Codec.VP8, 70_000, b"key", key=True))
    assert [name for name, _ in first] == [CLUSTER, TIMESTAMP, BLOCK]
    assert int.from_bytes(first[1][1]) == 70_000
    assert block(first[2][1]) == (number_of(Codec.VP8), 0, 0x80, b"key")
    ((name, data),) = elements(clusters.block(Codec.OPUS, 70_020, b"sound", key=True))
    assert (name, block(data)) == (BLOCK, (number_of(Codec.OPUS), 20, 0x80, b"sound"))
    ((name, data),) = elements(clusters.block(Codec.VP8, 70_033, b"delta", key=False))
    assert (name, block(data)) == (BLOCK, (number_of(Codec.VP8), 33, 0, b"delta"))


@pytest.mark.parametrize(
    ("codec", "at_ms", "key"),
    [(Codec.VP8, 1_040, True), (Codec.OPUS, 1_000 + CLUSTER_MS, True), (Codec.VP8, 999, False)],
    ids=["key frame", "too long", "back in time"],
)
def test_a_cluster_begins_where_it_is_due(codec: Codec, at_ms: int, key: bool) -> None:
    clusters = Clusters()
    clusters.block(Codec.OPUS, 1_000, b"first", key=True)
    found = elements(clusters.block(codec, at_ms, b"x", key=key))
    assert [name for name, _ in found] == [CLUSTER, TIMESTAMP, BLOCK]
    assert int.from_bytes(found[1][1]) == at_ms


@given(st.lists(st.tuples(st.sampled_from(sorted(CODEC_IDS)), st.integers(0, 1 << 45), st.booleans()), min_size=1))
def test_whatever_the_times_each_block_has_its_own(frames: list[tuple[Codec, int, bool]]) -> None:
    clusters, cluster_ms, seen = Clusters(), 0, []
    for codec, at_ms, key in frames:
        for name, data in elements(clusters.block(codec, at_ms, b"", key=key)):
            if name == TIMESTAMP:
                cluster_ms = int.from_bytes(data)
            elif name == BLOCK:
                seen.append(cluster_ms + block(data)[1])
    assert seen == [at_ms for _, at_ms, _ in frames]


@pytest.mark.parametrize("size", [0, 122, 123, 124, 16_378, 16_379, 16_380, 2_097_200])
def test_sizes_at_the_edges_are_written_whole(size: int) -> None:
    """A value of all ones would mean that the size is unknown."""
    clusters = Clusters()
    clusters.block(Codec.OPUS, 0, b"", key=True)
    ((_, data),) = elements(clusters.block(Codec.OPUS, 0, bytes(size), key=True))
    assert len(data) == size + 4
