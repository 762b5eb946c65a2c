"""What one run has measured."""

import msgspec

from bench.validate import Verdict


class Result(msgspec.Struct, kw_only=True):
    """CPU in seconds, of all threads and processes, ended ones included; `cpu` and `sender_cpu` for one minute of one
    stream in the steady state, `post_cpu` too: what is needed afterwards for files that play. Others for one stream.

    `ready_s`, `ready_cpu`  from the start of the first process until all streams can be offered
    `answer_s`              from an offer to its answer, median
    `late_answer_s`         of streams that are offered one by one while all others are recorded
    `byte_s`, `media_s`     from an offer to the first byte, and to 16 KiB, on disk, median
    `byte_cpu`              from the offers until the last stream's first byte
    `stop_s`                until all files are final; `missing`: pictures sent that no file has, of all streams
    `main_share`            of one core, by roomtape's main process alone
    """

    peer: str
    codec: str
    size: str
    streams: int
    seconds: float
    load: float = 0.0
    failed: str = ""
    cpu: float = 0.0
    sender_cpu: float = 0.0
    post_cpu: float = 0.0
    pss_mib: float = 0.0
    threads: float = 0.0
    wakeups_per_s: float = 0.0
    ready_s: float = 0.0
    ready_cpu: float = 0.0
    answer_s: float = 0.0
    late_answer_s: float = 0.0
    byte_s: float = 0.0
    media_s: float = 0.0
    byte_cpu: float = 0.0
    stop_s: float = 0.0
    stop_cpu: float = 0.0
    main_share: float = 0.0
    missing: int | None = None
    verdicts: list[Verdict] = []
    trouble: list[str] = []

    @property
    def whole_cpu(self) -> float:
        """With the work afterwards."""
        return self.cpu + self.post_cpu
