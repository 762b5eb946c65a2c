"""Recorders of plain RTP: without ICE, DTLS and SRTP they are no rivals, but bounds of what the others could reach."""

import signal
from pathlib import Path
from typing import Final

from bench.peers.base import Host, Peer
from bench.peers.ports import free_rtp_ports
from bench.plan import Plan

UDP_TABLES: Final = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


class RtpPeer(Peer):
    rtp = True

    def __init__(self, host: Host, plan: Plan, folder: Path) -> None:
        super().__init__(host, plan, folder)
        ports = iter(free_rtp_ports(2 * plan.streams))
        self._ports = list(zip(ports, ports, strict=True))

    def ports(self, stream: int) -> tuple[int, int]:
        return self._ports[stream]

    def ready(self) -> bool:
        """All ports are bound."""
        lines = (line for table in UDP_TABLES for line in table.read_text().splitlines()[1:])
        bound = {int(line.split()[1].rsplit(":", 1)[1], 16) for line in lines}
        return {port for pair in self._ports for port in pair} <= bound

    def stop(self) -> None:
        for program in self.programs.values():
            program.tell(signal.SIGINT)
        for program in self.programs.values():
            program.end(signal.SIGINT)


class Ffmpeg(RtpPeer):
    """`ffmpeg -c copy`. When told to stop it waits up to 10 s for its socket."""

    def add(self, stream: int) -> None:
        video, audio = self.ports(stream)
        form = "a=fmtp:96 packetization-mode=1\r\n" if self.plan.codec == "h264" else ""
        description = self.folder / f"s{stream}.sdp"
        description.write_text(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=video {video} RTP/AVP 96\r\na=rtpmap:96 {self.plan.codec.upper()}/90000\r\n{form}"
            f"m=audio {audio} RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"
        )
        command = "ffmpeg -nostdin -v warning -protocol_whitelist file,udp,rtp -fflags +genpts -f sdp -i"
        copied = "-map 0:v:0 -map 0:a:0 -c copy -y"
        line = [*command.split(), str(description), *copied.split(), str(self.out / f"s{stream}.mkv")]
        self.programs[f"receiver-{stream}"] = self.host.spawn(f"receiver-{stream}", line, quiet=True)


class Floor(RtpPeer):
    """floor.c: receive, do the arithmetic of SRTP, write. Nothing that plays comes of it."""

    pattern = "s{}.raw"

    def add(self, stream: int) -> None:
        video, audio = self.ports(stream)
        line = [str(self.plan.floor), "cm", str(video), str(audio), str(self.out / f"s{stream}.raw")]
        self.programs[f"receiver-{stream}"] = self.host.spawn(f"receiver-{stream}", line, quiet=True)

    def playables(self, stream: int) -> list[Path]:
        return []
