"""A child that needs no GStreamer and behaves as badly as the mode in its first argument says.

Standard library only, run with `python -I -S`: it starts within 20 ms. Every mode but those that say otherwise answers
Init with Ready, Ping with Pong and Stop with Finished, and exits with 0; any other message it repeats in a Log.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

FOR_EVER = 3600.0
_lock = threading.Lock()


def say(kind: str, **fields: Any) -> None:
    write(json.dumps({"kind": kind, **fields}).encode() + b"\n")


def write(data: bytes) -> None:
    with _lock:
        while data:
            data = data[os.write(1, data) :]


def ready() -> None:
    say("ready", version=1, pid=os.getpid(), gstreamer="none")


def log(message: str) -> None:
    say("log", level="info", message=message)


def answer(message: dict[str, Any]) -> None:
    match message["kind"]:
        case "init":
            ready()
        case "ping":
            say("pong", seq=message["seq"])
        case "stop":
            say("finished", files=[])
            sys.exit(0)
        case kind:
            log(kind)


def serve(answer: Callable[[dict[str, Any]], None] = answer) -> None:
    for line in sys.stdin.buffer:
        answer(json.loads(line))


def after_init(work: Callable[[], None]) -> None:
    """Serve as usual, and do `work` once ready."""

    def answer_and_work(message: dict[str, Any]) -> None:
        answer(message)
        if message["kind"] == "init":
            work()

    serve(answer_and_work)


def without(*kinds: str) -> None:
    """Serve, but take no notice of these messages."""
    serve(lambda message: None if message["kind"] in kinds else answer(message))


def crash() -> None:
    sys.exit(3)


def crash_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash_later() -> None:
    def answer_or_crash(message: dict[str, Any]) -> None:
        if message["kind"] == "request_keyframe":
            log("last words")
            sys.exit(7)
        answer(message)

    serve(answer_or_crash)


def hang() -> None:
    """Ready without being asked; reads nothing, and SIGTERM does not help."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    time.sleep(FOR_EVER)


def hang_and_tell() -> None:
    """Registered as the real child does it."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    print("about to hang", file=sys.stderr, flush=True)
    ready()
    time.sleep(FOR_EVER)


def stopped_by_signal() -> None:
    after_init(lambda: os.kill(os.getpid(), signal.SIGSTOP))


def flood() -> None:
    def talk() -> None:
        lines = json.dumps({"kind": "log", "level": "info", "message": "flood"}).encode() + b"\n"
        while True:
            write(lines * 100)

    after_init(threading.Thread(target=talk, daemon=True).start)


def flood_of_garbage() -> None:
    def talk() -> None:
        while True:
            write(b"x\n" * 2000)
            os.write(2, b"y\n" * 2000)

    after_init(threading.Thread(target=talk, daemon=True).start)


def speak_and_not_hear() -> None:
    ready()
    while True:
        log("I am well")
        time.sleep(0.02)


def garbage() -> None:
    lines = [b"not json", b"\xff\xfe\x00", b"[]", b'{"kind":"dance"}', b'{"kind":"pong"}', b'{"kind":"pong","seq":"1"}']
    after_init(lambda: write(b"\n".join(lines) + b"\n\n"))


def long_line() -> None:
    after_init(lambda: write(b'{"kind":"' + b"x" * (3 << 20) + b'"}\n'))


def refuse() -> None:
    def answer_or_refuse(message: dict[str, Any]) -> None:
        if message["kind"] != "init":
            return
        say("failed", code="missing_element", scope="user", retryable=False, detail="no element webrtcbin")
        say("finished", files=[])
        sys.exit(1)

    serve(answer_or_refuse)


def refuse_and_stay() -> None:
    def answer_or_refuse(message: dict[str, Any]) -> None:
        if message["kind"] == "init":
            say("failed", code="media", scope="system", retryable=True, detail="not today")

    serve(answer_or_refuse)


def slow_exit() -> None:
    def answer_slowly(message: dict[str, Any]) -> None:
        if message["kind"] == "stop":
            time.sleep(0.3)
        answer(message)

    serve(answer_slowly)


def talk_on_stderr() -> None:
    def talk() -> None:
        for n in range(100):
            print(f"line {n}", file=sys.stderr)
        print(file=sys.stderr)
        print("z" * 100_000, file=sys.stderr)
        sys.stderr.buffer.write(b"\xff no line feed")
        sys.stderr.flush()
        log("talked")

    after_init(talk)


def close_stdout() -> None:
    def close() -> None:
        os.close(1)
        time.sleep(FOR_EVER)

    after_init(close)


MODES: dict[str, Callable[[], None]] = {
    "echo": serve,
    "never_ready": lambda: without("init", "stop"),
    "ignore_stop": lambda: without("stop"),
    "ignore_ping": lambda: without("ping"),
} | {
    mode.__name__: mode
    for mode in (
        crash,
        crash_by_signal,
        crash_later,
        hang,
        hang_and_tell,
        stopped_by_signal,
        speak_and_not_hear,
        flood,
        flood_of_garbage,
        garbage,
        long_line,
        refuse,
        refuse_and_stay,
        slow_exit,
        talk_on_stderr,
        close_stdout,
    )
}

if __name__ == "__main__":
    MODES[sys.argv[1]]()
