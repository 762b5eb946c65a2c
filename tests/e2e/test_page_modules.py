"""The pages' modules without their pages, in the browser, against the test vectors of protocol.md."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from roomtape.child.pattern import CHUNK_BYTES, Picture, Sound, code_words, crc8, mark_ms
from tests.support.browser import Chromium, Tab
from tests.support.content import HEIGHT, WIDTH, read_code
from tests.support.studio import Studio
from tests.unit.signaling.vectors import VECTORS

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Studio, Chromium]]:
    """One browser for all: modules without their pages leave nothing behind in it."""
    folder = tmp_path_factory.mktemp("modules")
    async with Studio(folder) as studio, Chromium() as browser:
        yield studio, browser


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: tuple[Studio, Chromium]) -> AsyncIterator[Tab]:
    studio, browser = chromium
    tab = await browser.open(studio.url.replace("ws", "http", 1))
    yield tab
    await tab.close()


async def run(tab: Tab, module: str, body: str, argument: Any = None) -> Any:
    """Evaluates `body` with the module as `m` and the argument as `a`."""
    return await tab.page.evaluate(f"async (a) => {{ const m = await import('/js/{module}.js'); {body} }}", argument)


async def test_identity(tab: Tab) -> None:
    body = """return Promise.all(a.map(async (one) => {
        const mine = await m.Identity.make(one.password_input, one.salt);
        const stream = m.sanitiseStream(one.stream_input);
        return [mine.phrase, mine.suffix, await mine.roomId(one.room_input), mine.wireId(stream), await mine.check()];
    }));"""
    names = ("crypto_phrase", "suffix", "roomid", "wire_streamID", "url_hash_param_4")
    cases = [case for case in VECTORS["identity"] if case.get("effective_password") is not None]
    assert cases
    wanted = [[case[name] for name in names] for case in cases]
    assert await run(tab, "identity", body, cases) == wanted


async def test_a_password_switched_off(tab: Tab) -> None:
    body = """return Promise.all(a.map(async (word) => {
        const mine = await m.Identity.make(word);
        const ids = [await mine.roomId("Room A"), mine.cleanId("x808d64")];
        return [mine.phrase, mine.suffix, ...ids, await mine.matches("8")];
    }));"""
    plain = [None, "", "Room_A", "x808d64", False]
    assert await run(tab, "identity", body, ["false", "0", " Off "]) == [plain] * 3


async def test_sanitising_and_suffixes(tab: Tab) -> None:
    streams = VECTORS["sanitise_stream"]
    found = await run(tab, "identity", "return a.map(({ input }) => m.sanitiseStream(input));", streams)
    assert found == [case["output"] for case in streams]
    suffixes = VECTORS["strip_suffix"]
    body = "return a.map(({ suffix, wire }) => new m.Identity('phrase', suffix).cleanId(wire));"
    assert await run(tab, "identity", body, suffixes) == [case["clean"] for case in suffixes]


async def test_encryption(tab: Tab) -> None:
    body = """return Promise.all(a.map(async (one) => {
        const sealed = await m.encrypt(one.plaintext, one.phrase, m.fromHex(one.vector));
        return [sealed.data, sealed.vector, await m.decrypt(sealed.data, sealed.vector, one.phrase)];
    }));"""
    cases = VECTORS["crypto"]
    wanted = [[case["ciphertext"], case["vector"], case["plaintext"]] for case in cases]
    assert await run(tab, "crypto", body, cases) == wanted


async def test_a_wrong_phrase_is_told_from_a_bad_message(tab: Tab) -> None:
    body = """return Promise.all(a.map(([obj, phrase]) => m.readDescription(obj, phrase).then(
        () => "understood",
        (error) => error instanceof m.CannotDecrypt ? "wrong password" : error instanceof m.BadMessage ? "bad" : "?",
    )));"""
    [negative], good = VECTORS["crypto_negative"], VECTORS["crypto"][0]
    cases = [
        ({"description": negative["ciphertext"], "vector": negative["vector"]}, negative["phrase"]),
        ({"description": good["ciphertext"], "vector": good["vector"]}, None),
        ({"description": good["ciphertext"], "vector": "00"}, good["phrase"]),
        ({"description": "zz", "vector": good["vector"]}, good["phrase"]),
        ({"description": good["ciphertext"]}, good["phrase"]),
        ({"description": {"type": "pranswer", "sdp": "v=0"}}, None),
        ({"description": {"type": "offer", "sdp": 7}}, None),
        ({"description": 7}, None),
        ({"description": good["ciphertext"], "vector": good["vector"]}, good["phrase"]),
        ({"description": {"type": "offer", "sdp": "v=0"}}, good["phrase"]),
    ]
    wrong, bad, understood = ["wrong password"], ["bad"], ["understood"]
    assert await run(tab, "envelope", body, cases) == wrong * 4 + bad * 4 + understood * 2


async def test_what_is_sealed_is_ascii_and_opens_again(tab: Tab) -> None:
    body = """const obj = await m.seal("description", { type: "offer", sdp: "v=Räum 😀" }, "phrase");
        const crypto = await import("/js/crypto.js");
        return [await crypto.decrypt(obj.description, obj.vector, "phrase"), await m.readDescription(obj, "phrase")];"""
    text, description = await run(tab, "envelope", body)
    assert text.isascii()
    assert json.loads(text) == description == {"type": "offer", "sdp": "v=Räum 😀"}


async def test_candidates_of_every_form(tab: Tab) -> None:
    cases = VECTORS["candidate_normalise"]
    plain = [case for case in cases if "vector" not in case["in"]]
    assert plain
    body = "return Promise.all(a.map(async (obj) => (await m.readCandidates(obj, null)).length));"
    assert await run(tab, "envelope", body, [case["in"] for case in plain]) == [case["count"] for case in plain]


async def test_frames_that_are_none(tab: Tab) -> None:
    texts = ["", "{", "7", "null", "[]", '"x"', "[" * 5000, '{"a":1}', "x" * 1_000_000]
    found = await run(tab, "envelope", "return a.map((text) => m.readObject(text));", texts)
    assert found == [None] * 7 + [{"a": 1}, None]


async def test_the_pattern_is_that_of_the_synthetic_guest(tab: Tab) -> None:
    samples = [(guest, n) for guest in (0, 1, 7, 200, 255) for n in (0, 1, 255, 256, 65535, 65536, 70001)]
    codes = await run(tab, "pattern-code", "return a.map(([guest, n]) => m.codeWords(guest, n));", samples)
    assert codes == [list(code_words(guest, n)) for guest, n in samples]
    assert await run(tab, "pattern-code", "return [m.crc8([]), m.crc8([1, 2, 3])];") == [crc8(b""), crc8(b"\1\2\3")]
    seconds = list(range(9))
    assert await run(tab, "pattern-code", "return a.map(m.markMs);", seconds) == [mark_ms(s) for s in seconds]


async def test_the_drawn_picture_is_read_and_flashes_when_the_synthetic_one_does(tab: Tab) -> None:
    body = """const [width, height, framerate, guest, numbers, w, h] = a;
        const context = new OffscreenCanvas(width, height).getContext("2d");
        const small = new OffscreenCanvas(w, h).getContext("2d");
        small.imageSmoothingQuality = "high";
        return numbers.map((n) => {
            m.drawFrame(context, { width, height, framerate, guest }, n);
            small.drawImage(context.canvas, 0, 0, w, h);
            const { data } = small.getImageData(0, 0, w, h);
            return Array.from({ length: w * h }, (_, i) => data[4 * i + 1]);
        });"""
    numbers, picture = list(range(0, 75, 3)), Picture(320, 180, 15, 9)
    drawn = await run(tab, "pattern-code", body, [320, 180, 15, 9, numbers, WIDTH, HEIGHT])
    assert [read_code(bytes(image)) for image in drawn] == [(9, n) for n in numbers]
    bright = [image[-1] > 200 for image in drawn]
    assert bright == [picture.frame(n)[320 * 180 - 1] > 200 for n in numbers]
    assert 0 < sum(bright) < len(bright)


async def test_the_sound_is_that_of_the_synthetic_guest(tab: Tab) -> None:
    """Every sample of four seconds, after which it repeats."""
    levels = await run(tab, "pattern-code", "return Array.from(m.soundOf(5), (level) => Math.round(level * 32768));")
    assert len(levels) == 4 * 48_000
    sound = Sound(5)
    for k in (0, 4, 5, 14, 15, 30, 50, 54, 55, 199):
        chunk = memoryview(sound.chunk(k)).cast("h")[::2].tolist()
        mine = levels[k * 960 : (k + 1) * 960]
        assert len(chunk) == len(mine) == CHUNK_BYTES // 4
        assert max(abs(a - b) for a, b in zip(chunk, mine, strict=True)) <= 1


async def test_secrets_leave_the_query_for_the_fragment(tab: Tab) -> None:
    body = """history.replaceState(null, "", "/join?room=r&password=s%20e&turn=u;p;turn:h:1#hash=ab&x=1");
        return [m.readOptions(), location.href.replace(location.origin, "")];"""
    options, address = await run(tab, "link", body)
    assert options == {"room": "r", "password": "s e", "turn": "u;p;turn:h:1", "hash": "ab", "x": "1"}
    assert re.fullmatch(r"/join\?room=r#.*password=s\+e.*", address)


async def test_ice_servers(tab: Tab) -> None:
    body = "return a.map((options) => m.rtcConfiguration(options));"
    none, one, turn = await run(
        tab,
        "link",
        body,
        [{"stun": "false"}, {"stun": "stun:h:1"}, {"stun": "0", "turn": "u;p;turn:h:1", "relay": ""}],
    )
    assert (none["iceServers"], none["iceTransportPolicy"]) == ([], "all")
    assert one["iceServers"] == [{"urls": ["stun:h:1"]}]
    assert turn["iceServers"] == [{"urls": "turn:h:1", "username": "u", "credential": "p"}]
    assert turn["iceTransportPolicy"] == "relay"
