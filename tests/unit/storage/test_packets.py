from roomtape.storage.packets import Inventory, read_framehash

MATROSKA = """\
#format: frame checksums
#extradata 1,                              19, b31e067e
#tb 0: 1/1000
#media_type 0: video
#tb 1: 1/1000
#media_type 1: audio
0,          0,          0,       33,      331, fdb1648a
1,         20,         20,       20,      161, ccb7c811
0,         33,         33,       33,       44, fdb1648b
"""
MP4 = """\
#tb 0: 1/3000
#media_type 0: video
#tb 1: 1/48000
#media_type 1: audio
0,          0,          0,      100,      331, fdb1648a
0,        100,        100,      100,       44, fdb1648b
1,        960,        960,      960,      161, ccb7c811
"""


def of(text: str) -> Inventory:
    return read_framehash(text.splitlines())


def test_streams_are_counted() -> None:
    video, audio = of(MATROSKA)
    assert (video.kind, video.packets, video.end_s) == ("video", 2, 0.066)
    assert (audio.kind, audio.packets, audio.end_s) == ("audio", 1, 0.04)


def changed(old: str, new: str) -> bool:
    """Whether the picture is not the same any more with another text in the one that ffmpeg wrote."""
    assert old in MATROSKA
    return not of(MATROSKA)[0].same(of(MATROSKA.replace(old, new))[0])


def test_the_same_media_in_another_container_is_the_same() -> None:
    assert all(one.same(other) for one, other in zip(of(MATROSKA), of(MP4), strict=True))


def test_another_byte_size_time_or_number_is_not_the_same() -> None:
    assert changed("44, fdb1648b", "44, fdb1648c")
    assert changed("44,", "45,")
    assert changed("0,         33,         33", "0, 35, 35")
    assert changed("0,         33,         33,       33,       44, fdb1648b\n", "")
    assert changed("video", "audio")
    assert not changed("0,         33,         33", "0, 34, 34")


def test_nothing_is_nothing() -> None:
    assert of("") == ()
    assert [(stream.kind, stream.packets) for stream in of("#tb 0: 1/1000\n#media_type 0: video")] == [("video", 0)]
