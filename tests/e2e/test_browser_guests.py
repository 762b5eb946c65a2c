"""Guests by browser while they are recorded: every codec, and all that people do."""

import asyncio
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from roomtape.storage.verify import verify
from tests.support.browser import Chromium
from tests.support.content import inspect
from tests.support.share import MOST
from tests.support.studio import ROOM, Studio, assert_complete, recording
from tests.support.tab import assert_in_step, page

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

PASSWORD: Final = "Füße 42"
CODECS: Final = {"vp8": ".webm", "vp9": ".webm", "av1": ".webm", "h264": ".mkv"}
PATTERN: Final[dict[str, str | int]] = {
    "source": "pattern",
    "guest": 1,
    "width": 320,
    "height": 180,
    "framerate": 15,
    "keepsize": 1,
    "stun": "false",
}
_PREFER_RED: Final = """(() => {
    const codecs = RTCRtpSender.getCapabilities("audio").codecs;
    const isRed = ({ mimeType }) => mimeType === "audio/red";
    const add = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function (track, init) {
        const transceiver = add.call(this, track, init);
        if (track.kind === "audio") {
            transceiver.setCodecPreferences([...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]);
        }
        return transceiver;
    };
    const local = RTCPeerConnection.prototype.setLocalDescription;
    RTCPeerConnection.prototype.setLocalDescription = async function (...given) {
        await local.apply(this, given);
        globalThis.offered = this.localDescription.sdp;
    };
})()"""


def assert_take(file: Path, guest: int, frames_sent: int, *, seconds: float) -> None:
    """What the tab itself says it sent is there: a busy computer may have it leave pictures out."""
    tape = inspect(file)
    assert tape.duration_s >= seconds
    assert_complete(tape, guest, frames_sent)
    assert verify(file).ok


@pytest.mark.heavy(MOST)
async def test_every_codec_of_a_browser_at_once(tmp_path: Path) -> None:
    async with Studio(tmp_path, password=PASSWORD) as studio, Chromium() as chromium:
        tabs = {
            codec: await chromium.join(studio, codec, guest=number, codec=codec, password=PASSWORD, bitrate=250)
            for number, codec in enumerate(CODECS, start=1)
        }
        recorder = await studio.recorder()
        await recording(recorder, *CODECS)
        await asyncio.sleep(6)
        sent = {codec: (await tab.sent()).frames for codec, tab in tabs.items()}
        assert await recorder.stop() == 0
        for number, (codec, suffix) in enumerate(CODECS.items(), start=1):
            (file,) = studio.files(codec)
            assert file.suffix == suffix
            assert sent[codec] >= 60
            tape = inspect(file)
            assert tape.codecs == (codec, "opus")
            assert_complete(tape, number, sent[codec])
            assert verify(file).ok


async def test_a_reload_gives_a_new_take_and_the_former_file_is_final(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1)
        await recording(recorder, "anna")
        await asyncio.sleep(3)
        sent = [(await anna.sent()).frames]
        await anna.reload()
        await recorder.says("(?s)file is final stream=anna.*guest recording stream=anna")
        await asyncio.sleep(3)
        sent.append((await anna.sent()).frames)
        assert await recorder.stop() == 0
        first, second = studio.files("anna")
        assert "_01_" in first.name
        assert "_02_" in second.name
        for file, frames in zip((first, second), sent, strict=True):
            assert_take(file, 1, frames, seconds=2.5)


@pytest.mark.heavy(MOST)
async def test_a_tab_that_crashes_leaves_a_good_file_and_its_guest_comes_back(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1)
        ben = await chromium.join(studio, "ben", guest=2)
        await recording(recorder, "anna", "ben")
        await asyncio.sleep(3)
        sent_before = (await anna.sent()).frames
        await asyncio.sleep(0.2)  # what is counted may still wait to be sent, and then dies with the tab
        await anna.crash()
        back = await chromium.join(studio, "anna", guest=3)
        await recorder.says("(?s)(guest recording stream=anna.*){2}")
        await asyncio.sleep(3)
        sent_after, sent = (await back.sent()).frames, (await ben.sent()).frames
        assert back.errors == []
        assert await recorder.stop() == 0
        first, second = studio.files("anna")
        assert_take(first, 1, sent_before, seconds=2.5)
        assert_take(second, 3, sent_after, seconds=2.5)
        assert_complete(studio.tape("ben"), 2, sent)


async def test_who_leaves_and_comes_back_gets_a_new_take(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1)
        await recording(recorder, "anna")
        await asyncio.sleep(2)
        sent = [(await anna.sent()).frames]
        await anna.leave()
        await recorder.says("file is final stream=anna")
        await anna.rejoin()
        await recorder.says("(?s)file is final stream=anna.*guest recording stream=anna")
        await asyncio.sleep(2)
        sent.append((await anna.sent()).frames)
        assert await recorder.stop() == 0
        for file, frames in zip(studio.files("anna"), sent, strict=True):
            assert_take(file, 1, frames, seconds=1.5)


async def test_mute_and_camera_off_keep_the_file_and_are_noted(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "Anna", guest=1)
        await recording(recorder, "Anna")
        await asyncio.sleep(2)
        await anna.mute()
        await asyncio.sleep(3)
        await anna.mute(False)
        await anna.hide_camera()
        await asyncio.sleep(3)
        await anna.hide_camera(False)
        await asyncio.sleep(2)
        sent = (await anna.sent()).frames
        assert await recorder.stop() == 0
        tape = studio.tape("Anna")
        assert not tape.decode_errors
        assert tape.duration_s >= 9.5
        assert len(tape.frames) >= 0.98 * sent
        gaps = [after - before for before, after in pairwise(tape.flashes)]
        assert sorted(gaps)[-2] < 1.5 < 2.5 < max(gaps), "the camera was off for three seconds, and only then"
        (entry,) = studio.manifest()["recordings"]
        assert entry["label"] == "Anna"
        changes = [(change["what"], change["value"]) for change in entry["changes"]]
        for kind in ("audio_muted", "video_muted"):
            assert [value for what, value in changes if what == kind][-2:] == [True, False]


@pytest.mark.parametrize("gone", [("audio",), ("audio", "video")])
async def test_sound_and_picture_are_in_step_after_a_time_without_a_microphone(
    tmp_path: Path, gone: tuple[str, ...]
) -> None:
    """A browser's clock of sound stands still meanwhile, and that of the picture does not."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.join(studio, "anna", guest=1)
        await recording(recorder, "anna")
        await asyncio.sleep(2)
        await anna.unplug(*gone)
        await asyncio.sleep(6)
        await anna.unplug(*gone, gone=False)
        await asyncio.sleep(5)
        sent = (await anna.sent()).frames
        assert await recorder.stop() == 0
        tape = studio.tape("anna")
        assert tape.duration_s >= 12
        assert len(tape.frames) >= 0.98 * sent
        late = [flash for flash in tape.flashes if flash > 9]
        assert len(late) >= 3
        assert len([beep for beep in tape.beeps if beep > 9]) >= 3
        assert_in_step(tape)


async def test_a_browser_that_would_rather_send_redundant_sound_is_recorded_without(tmp_path: Path) -> None:
    """RED (RFC 2198) is not answered, so that the browser sends plain Opus."""
    async with Studio(tmp_path) as studio, Chromium() as chromium:
        recorder = await studio.recorder()
        anna = await chromium.open(page(studio, "join", {**PATTERN, "room": ROOM, "name": "anna"}))
        await anna.evaluate(_PREFER_RED)
        await anna.page.get_by_role("button", name="Join", exact=True).click()
        await recording(recorder, "anna")
        await asyncio.sleep(4)
        offered, audio = await anna.evaluate("globalThis.offered"), await anna.sent("audio")
        assert re.search(r"m=audio \d+ \S+ (\d+) .*?a=rtpmap:\1 red/48000/2", offered, re.DOTALL), offered
        assert audio.codec.lower() == "audio/opus"
        sent = (await anna.sent()).frames
        assert await recorder.stop() == 0
        assert_complete(studio.tape("anna"), 1, sent)
