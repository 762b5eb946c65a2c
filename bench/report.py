"""Tables and plots of what was measured: for a look into bench/results, or for docs/performance.md."""

import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.plot import Points, chart
from bench.result import Result

BASE: Final = "minimal"
HEADING: Final = "## Against other recorders\n"
BEGIN, END = "<!-- bench: made by `make bench` -->\n", "<!-- bench: end -->\n"
COLUMNS: Final[dict[str, Callable[[Result], float]]] = {
    "CPU": lambda r: r.whole_cpu,
    "PSS": lambda r: r.pss_mib,
    "wake-ups": lambda r: r.wakeups_per_s,
    "start CPU": lambda r: r.ready_cpu + r.byte_cpu,
    "answer ms": lambda r: r.answer_s * 1000,
    "late answer ms": lambda r: r.late_answer_s * 1000,
    "byte s": lambda r: r.byte_s,
    "stop s": lambda r: r.stop_s,
}
COMPARED: Final = ("CPU", "PSS")
PLOTS: Final = {
    "bench-cpu.svg": ("CPU", "CPU seconds for a minute of one stream"),
    "bench-memory.svg": ("PSS", "PSS of one stream, MiB"),
    "bench-start.svg": ("start CPU", "CPU seconds to start one stream"),
}
SECONDARY: Final = {"starts": "Making a child ready", "main": "The main process", "server": "The handshake server"}

Group = tuple[str, str, int]


def read(results: Path, part: str) -> list[Any]:
    path = results / f"{part}.jsonl"
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def runs(results: Path) -> dict[Group, dict[str, list[Result]]]:
    """Those that did not fail, by what was recorded and by whom, in the order of measuring."""
    found: dict[Group, dict[str, list[Result]]] = {}
    for raw in read(results, "recorders"):
        result = msgspec.convert(raw, Result)
        if not result.failed:
            group = (result.codec, result.size, result.streams)
            found.setdefault(group, {}).setdefault(result.peer, []).append(result)
    return found


def median(results: Iterable[Result], value: Callable[[Result], float]) -> float:
    return statistics.median(map(value, results))


def table(peers: dict[str, list[Result]]) -> str:
    """One row for each recorder; behind CPU and memory stands their ratio to the minimal receiver."""
    head = [name for column in COLUMNS for name in ((column, "ratio") if column in COMPARED else (column,))]
    lines = [f"| recorder | {' | '.join(head)} | missing |", "|---" * (len(head) + 2) + "|"]
    for name, results in peers.items():
        cells: list[str] = []
        for column, value in COLUMNS.items():
            here = median(results, value)
            cells.append(f"{here:.3g}")
            if column in COMPARED:
                cells.append(f"{here / median(peers[BASE], value):.2f}" if BASE in peers else "")
        missing = [result.missing for result in results if result.missing is not None]
        lines.append(f"| {name} | {' | '.join(cells)} | {max(missing) if missing else ''} |")
    return "\n".join(lines)


def plots(groups: dict[Group, dict[str, list[Result]]]) -> dict[str, str]:
    """SVG by file name, of VP8 at 360 lines against the number of streams."""
    made: dict[str, str] = {}
    for file, (column, title) in PLOTS.items():
        lines: dict[str, Points] = {}
        for (codec, size, streams), peers in groups.items():
            if (codec, size) == ("vp8", "360"):
                for name, results in peers.items():
                    lines.setdefault(name, []).append((streams, median(results, COLUMNS[column])))
        if lines:
            made[file] = chart(title, "streams", title, lines)
    return made


def text(results: Path) -> str:
    """Everything as Markdown."""
    groups = runs(results)
    parts: list[str] = []
    for (codec, size, streams), peers in sorted(
        groups.items(), key=lambda item: (item[0][:2] != ("vp8", "360"), item[0])
    ):
        loads = [result.load for each in peers.values() for result in each]
        parts.append(
            f"{codec.upper()}, {size} lines, {streams} stream{'s' * (streams > 1)}"
            f" (load of the machine {min(loads):.0f} to {max(loads):.0f}):\n\n{table(peers)}\n"
        )
    for part, title in SECONDARY.items():
        for figures in read(results, part):
            parts.append(f"{title}:\n\n" + "\n".join(f"- {name}: {value}" for name, value in flat(figures)) + "\n")
    return "\n".join(parts)


def flat(figures: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}".replace("_", " "), value


def write(results: Path) -> str:
    """The report and the plots, beside the results; returns the report."""
    for file, svg in plots(runs(results)).items():
        (results / file).write_text(svg)
    report = text(results)
    (results / "report.md").write_text(report)
    return report


def publish(results: Path, docs: Path) -> None:
    """Put them into docs/performance.md, in the place of what the bench has put there before."""
    page = docs / "performance.md"
    old = page.read_text() if page.exists() else "# What roomtape costs\n"
    if BEGIN not in old:
        old += f"\n{HEADING}\n{BEGIN}{END}"
    before, _, rest = old.partition(BEGIN)
    made = plots(runs(results))
    pictures = "\n".join(f"![{PLOTS[file][1]}](images/{file})" for file in made)
    for file, svg in made.items():
        (docs / "images" / file).write_text(svg)
    page.write_text(f"{before}{BEGIN}\n{text(results)}\n{pictures}\n\n{END}{rest.partition(END)[2]}")
