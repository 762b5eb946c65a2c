"""The search for a hardware encoder: its processes, their deadlines, and what becomes of what they say."""

import json
import sys

import pytest

from roomtape.child import probe as probing
from roomtape.child.encoders import HARDWARE, Encoder
from roomtape.child.gst import init
from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec
from roomtape.supervisor.encoders import working_encoder

pytestmark = pytest.mark.light

CONFIG = PublishConfig(stream_id="a", codec=Codec.H264, width=320, height=180, framerate=30, bitrate_kbps=300)
DEVICES = ("/dev/nul?",)
"""As if there were hardware."""
WORKS = Encoder(Codec.H264, "x264enc", "tune=zerolatency bitrate={kbps}")


def says(text: str, *before: str) -> tuple[str, ...]:
    """A probe that writes `text`."""
    return sys.executable, "-c", ";".join((*before, f"print({text!r})"))


@pytest.mark.parametrize(
    ("encoder", "why"),
    [
        (WORKS, ""),
        (Encoder(Codec.H264, "nosuchenc", ""), "GStreamer has no element nosuchenc"),
        (Encoder(Codec.H264, "x264enc", "nosuch={kbps}"), "nosuch"),
        (Encoder(Codec.H264, "identity", "error-after=3"), "Failed after iterations"),
        (Encoder(Codec.H264, "identity", "drop-probability=1"), "0 of 15 pictures came out"),
        (Encoder(Codec.H264, "x264enc", "", after=('capsfilter caps="video/x-vp8"',)), "do not fit together"),
    ],
    ids=["works", "missing", "property", "error", "nothing", "caps"],
)
def test_an_encoder_works_when_pictures_come_out(encoder: Encoder, why: str) -> None:
    init()
    answer = probing.encode(encoder, CONFIG)
    assert why in answer
    assert bool(why) == bool(answer)


def test_each_is_tried_in_a_process_of_its_own_and_none_that_fails_is_chosen() -> None:
    """No hardware here: all of these refuse, hang or crash nothing but their own process."""
    candidates = [encoder for encoder in HARDWARE if encoder.codec is Codec.H264][:2]
    found = probing.probe(candidates, ("H264", "320", "180", "30", "300"))
    assert found["encoder"] == ""
    assert found["refused"].keys() == {encoder.element for encoder in candidates}
    assert all(found["refused"].values())


def test_one_that_hangs_is_ended_at_its_deadline() -> None:
    found = probing.probe(HARDWARE[:1], ("H264", "320", "180", "30", "300"), deadline_s=0.01)
    assert found == {"encoder": "", "refused": {HARDWARE[0].element: "not done within 0.01 s"}}


async def test_the_real_probe_names_what_works_or_nothing() -> None:
    found = await working_encoder(CONFIG, devices=DEVICES)
    assert found in {"", *(encoder.element for encoder in HARDWARE if encoder.codec is Codec.H264)}


@pytest.mark.parametrize(
    ("command", "encoder"),
    [
        (says(json.dumps({"encoder": "vah264enc", "refused": {"nvh264enc": "no device"}})), "vah264enc"),
        (says(json.dumps({"encoder": ""})), ""),
        (says("no JSON"), ""),
        (says("{}", "import os", "os.abort()"), ""),
        (says("{}", "import time", "time.sleep(60)"), ""),
        (("/does/not/exist",), ""),
    ],
    ids=["works", "none", "garbage", "crash", "hangs", "missing"],
)
async def test_whatever_becomes_of_the_probe_there_is_an_answer(command: tuple[str, ...], encoder: str) -> None:
    assert await working_encoder(CONFIG, command, deadline_s=2.0, devices=DEVICES) == encoder


async def test_without_a_device_nothing_is_tried() -> None:
    works = says(json.dumps({"encoder": "vah264enc"}))
    assert await working_encoder(CONFIG, works, devices=("/dev/nosuch*", "/dev/nul?")) == "vah264enc"
    assert await working_encoder(CONFIG, works, devices=("/dev/nosuch*",)) == ""
