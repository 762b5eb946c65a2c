"""Every counter and gauge of the main process, each with its help text beside it."""

from typing import Final

PREFIX: Final = "roomtape_"
MAX_LABELS: Final = 50
"""Label values kept apart in one family; further ones are counted together as `other`."""

FLOODS: Final = frozenset(
    {
        "too many frames of one sender",
        "too many candidates for a child that is not ready",
        "too many children of one stream",
        "too many streams",
    }
)
"""Reasons for dropping frames of which the user hears."""


class Metric:
    """A named figure that somebody may want to read."""

    def __init__(self, name: str, help_text: str) -> None:
        self.name = PREFIX + name
        self.help_text = help_text

    def samples(self) -> dict[str, float]:
        """Names, with labels in the Prometheus notation, and values."""
        raise NotImplementedError


class Counter(Metric):
    """Only grows."""

    value = 0.0

    def add(self, amount: float = 1) -> None:
        self.value += max(amount, 0)

    def samples(self) -> dict[str, float]:
        return {self.name: self.value}


class Gauge(Metric):
    """Goes up and down."""

    value = 0.0

    def set(self, value: float) -> None:
        self.value = value

    def samples(self) -> dict[str, float]:
        return {self.name: self.value}


class Family(Metric):
    """One counter for each value of one label. Values are words of our own: reasons and error codes."""

    def __init__(self, name: str, label: str, help_text: str) -> None:
        super().__init__(name, help_text)
        self.label = label
        self.values: dict[str, float] = {}

    def add(self, label_value: str, amount: float = 1) -> None:
        if label_value not in self.values and len(self.values) >= MAX_LABELS:
            label_value = "other"
        self.values[label_value] = self.values.get(label_value, 0) + max(amount, 0)

    def samples(self) -> dict[str, float]:
        return {f'{self.name}{{{self.label}="{value}"}}': count for value, count in self.values.items()}


class Metrics:
    """One of each per run. Counters end in `_total`, bytes are bytes."""

    def __init__(self) -> None:
        self.frames_in = Counter("signaling_frames_in_total", "frames received from the handshake server")
        self.frames_out = Counter("signaling_frames_out_total", "frames sent to the handshake server")
        self.frames_dropped = Family(
            "signaling_dropped_total", "reason", "frames or parts of them not for us or not understood"
        )
        self.requests_dropped = Family(
            "signaling_requests_dropped_total",
            "reason",
            "requests to the server that were not kept or not sent in time",
        )
        self.signaling_connected = Gauge("signaling_connected", "1 while the WebSocket is open and joined")
        self.signaling_reconnects = Counter("signaling_reconnects_total", "connections made again after a loss")

        self.streams_wanted = Gauge("streams_wanted", "streams that are to be recorded")
        self.streams_recording = Gauge("streams_recording", "streams of which media is being written")
        self.attempts_started = Counter("attempts_started_total", "attempts to connect to a stream")
        self.attempts_ended = Family("attempts_ended_total", "code", "attempts ended, by error code; ok without error")

        self.children_alive = Gauge("children_alive", "child processes now running")
        self.children_started = Counter("children_started_total", "child processes started")
        self.fork_servers_started = Counter(
            "fork_servers_started_total", "starts of the process that children are copies of"
        )
        self.forks_failed = Counter("forks_failed_total", "children executed afresh because no fork server answered")
        self.children_killed = Counter("children_killed_total", "child processes that did not stop when asked")
        self.children_crashed = Counter("children_crashed_total", "child processes that died unannounced, or hung")
        self.child_messages = Counter("child_messages_total", "messages received from children")
        self.child_messages_dropped = Family(
            "child_messages_dropped_total", "reason", "lines from children that were no message or came too late"
        )

        self.files_closed = Counter("files_closed_total", "recordings that are final")
        self.files_repaired = Counter("files_repaired_total", "recordings that were cut off, and made final later")
        self.bytes_recorded = Counter("recorded_bytes_total", "size of all recordings that are final")
        self.disk_free = Gauge("disk_free_bytes", "free space of the folder for recordings")
        self.log_suppressed = Counter("log_suppressed_total", "log records too many, or with nobody to read them")

    def all(self) -> tuple[Metric, ...]:
        return tuple(metric for metric in vars(self).values() if isinstance(metric, Metric))

    def snapshot(self) -> dict[str, float]:
        """Every sample by its name."""
        return {name: value for metric in self.all() for name, value in metric.samples().items()}

    def ignored(self) -> dict[str, int]:
        """How many frames of the handshake server were dropped, by reason."""
        return {reason.replace(" ", "_"): int(count) for reason, count in self.frames_dropped.values.items() if count}

    def left_out(self) -> dict[str, int]:
        """How much was too much, by reason; what is dropped because it concerns others is not among it."""
        frames = {reason: count for reason, count in self.frames_dropped.values.items() if reason in FLOODS}
        words = frames | self.child_messages_dropped.values | self.requests_dropped.values
        words["log records"] = self.log_suppressed.value
        return {reason.replace(" ", "_"): int(count) for reason, count in words.items() if count}

    def help_texts(self) -> dict[str, str]:
        """The help text of every metric by its name without labels."""
        return {metric.name: metric.help_text for metric in self.all()}
