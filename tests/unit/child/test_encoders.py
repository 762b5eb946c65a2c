import pytest

from roomtape.child.encoders import HARDWARE, KEYFRAME_S, SOFTWARE, Encoder, choose
from roomtape.child.gst import init, make
from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec

VIDEO_CODECS = [codec for codec in Codec if codec is not Codec.OPUS]


def config(codec: Codec, encoder: str = "", width: int = 320) -> PublishConfig:
    return PublishConfig(stream_id="a", codec=codec, encoder=encoder, width=width, height=180, bitrate_kbps=700)


@pytest.mark.parametrize("codec", VIDEO_CODECS)
def test_without_a_name_it_is_one_in_software(codec: Codec) -> None:
    chosen = choose(config(codec), lambda _: True)
    assert (chosen.codec, chosen.hardware) == (codec, False)
    assert choose(config(codec), lambda _: False) == chosen, "what is missing is named by who makes it"


def test_another_one_in_software_stands_in() -> None:
    assert choose(config(Codec.H264), lambda name: name != "x264enc").element == "openh264enc"


@pytest.mark.parametrize("encoder", [*HARDWARE, *SOFTWARE], ids=lambda encoder: encoder.element)
def test_a_name_chooses_and_the_text_has_nothing_left_open(encoder: Encoder) -> None:
    wanted = config(encoder.codec, encoder.element)
    assert choose(wanted, lambda _: False) == encoder
    texts = encoder.texts(wanted)
    assert not any(
        place in text for text in texts for place in ("{kbps}", "{bps}", "{distance}", "{second}", "{threads}")
    )
    assert (texts[0] == "videoconvert") == encoder.hardware


def test_an_encoder_of_another_codec_is_not_taken() -> None:
    assert choose(config(Codec.VP8, "x264enc"), lambda _: True).element == "vp8enc"


@pytest.mark.parametrize("encoder", SOFTWARE, ids=lambda encoder: encoder.element)
def test_gstreamer_takes_the_settings(encoder: Encoder) -> None:
    init()
    wanted = config(encoder.codec)
    element = make(next(text for text in encoder.texts(wanted) if text.startswith(encoder.element)))
    assert encoder.bitrate is not None
    assert element.get_property(encoder.bitrate) == encoder.units(700)
    distances = ("keyframe-max-dist", "key-int-max", "gop-size")
    distance = next(name for name in distances if element.find_property(name))
    seconds = 0.5 if encoder.codec is Codec.AV1 else KEYFRAME_S
    assert element.get_property(distance) == seconds * wanted.framerate


def test_big_pictures_get_more_threads() -> None:
    encoder = choose(config(Codec.VP8), lambda _: True)
    assert "threads=1" in encoder.texts(config(Codec.VP8))[0]
    assert "threads=2" in encoder.texts(config(Codec.VP8, width=1920))[0]
