"""A browser tab and a recording child joined pipe to pipe: RTCPeerConnection without any page's habits, or a server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Final

from playwright.async_api import Page

from roomtape.ipc.messages import (
    FromChild,
    LocalCandidates,
    LocalDescription,
    RecordConfig,
    RemoteCandidates,
    RemoteDescription,
)
from roomtape.model import Candidate, Description, SdpType
from tests.support.browser import Chromium
from tests.support.pair import ChildProcess

ANSWER_S: Final = 15.0
ADDRESS: Final = "http://localhost:9/"
"""Never fetched: the page is answered here."""
PAGE: Final = """<!doctype html><title>tab</title><script>
  const pc = new RTCPeerConnection();
  const waiting = [];
  pc.createDataChannel("sendChannel");
  pc.onicecandidate = ({ candidate }) => candidate?.candidate && candidateFound(JSON.stringify(candidate));
  async function start() {
    globalThis.stream = await navigator.mediaDevices.getUserMedia({
      audio: true, video: { width: 320, height: 180, frameRate: 15 } });
    globalThis.senders = stream.getTracks().map((track) => pc.addTrack(track, stream));
  }
  async function offer() {
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
  }
  async function framesSent() {
    const reports = [...(await pc.getStats()).values()];
    return reports.filter((r) => r.type === "outbound-rtp" && r.kind === "video")
      .reduce((sum, r) => sum + (r.framesSent ?? 0), 0);
  }
</script>"""


class TabPair:
    """`page` offers, `recorder` answers."""

    def __init__(self, page: Page, recorder: ChildProcess) -> None:
        self.page, self.recorder = page, recorder
        self._negotiation = 0
        recorder.forward = self._from_recorder
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[object]] = set()

    async def negotiate(self, change: str = "undefined") -> str:
        """Evaluate `change` in the tab, then offer and answer; returns the answer. The browser has to accept it."""
        await self.page.evaluate(change)
        offer = await self.page.evaluate("offer()")
        self._negotiation += 1
        self._answer = asyncio.get_running_loop().create_future()
        description = Description(SdpType.OFFER, offer)
        self.recorder.send(RemoteDescription(negotiation=self._negotiation, description=description))
        answer = await asyncio.wait_for(self._answer, ANSWER_S)
        await self.page.evaluate("sdp => pc.setRemoteDescription({ type: 'answer', sdp })", answer)
        return answer

    async def frames_sent(self) -> int:
        return int(await self.page.evaluate("framesSent()"))

    def candidate_found(self, text: str) -> None:
        found = json.loads(text)
        candidate = Candidate(found["candidate"], found["sdpMid"], found["sdpMLineIndex"])
        self.recorder.send(RemoteCandidates(candidates=(candidate,)))

    def _from_recorder(self, message: FromChild) -> None:
        if isinstance(message, LocalDescription):
            self._answer.set_result(message.description.sdp)
        elif isinstance(message, LocalCandidates):
            for candidate in message.candidates:
                found = {"candidate": candidate.candidate, "sdpMid": "0", "sdpMLineIndex": 0}
                task = asyncio.ensure_future(self.page.evaluate("found => pc.addIceCandidate(found)", found))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


@contextlib.asynccontextmanager
async def tab_pair(record: RecordConfig) -> AsyncIterator[TabPair]:
    """A tab with camera and microphone, and a child that is ready; not connected yet."""
    async with Chromium() as chromium:
        recorder = await ChildProcess.start(record)
        try:
            tab = await chromium.open(ADDRESS, body=PAGE)
            pair = TabPair(tab.page, recorder)
            await tab.page.expose_function("candidateFound", pair.candidate_found)
            await tab.evaluate("start()")
            yield pair
        finally:
            await recorder.kill()
