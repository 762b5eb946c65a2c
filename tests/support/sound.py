"""A sound card for programs that need one, where there is none: PulseAudio with an output that nobody hears."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

START_DEADLINE_S: Final = 10.0
POLL_S: Final = 0.05
SERVER: Final = (
    *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
    *("--disable-shm", "--realtime=no", "--high-priority=no", "--load=module-null-sink"),
)


class SoundCard:
    """`environment` leads a program to it. `folder` becomes the server's home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "socket"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"PULSE_SERVER": f"unix:{self._socket}"}

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self._process = await asyncio.create_subprocess_exec(
            *SERVER,
            f"--load=module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            env={"HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder), "PATH": "/usr/bin:/bin"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                # It says nothing when it is ready.
                while not self._socket.is_socket():  # noqa: ASYNC110
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await self._end()
            raise AssertionError("PulseAudio did not start") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
