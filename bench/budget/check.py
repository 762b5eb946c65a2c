"""`make budget`: count the instructions of the main process's work and compare them with bench/budget.json.

python -m bench.budget.check            fails if anything costs more than 1.10 of what it did
python -m bench.budget.check --store    writes the figures of now as the new base, for a change that is meant
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.budget.counted import PARTS
from bench.budget.work import WORK

ROOT: Final = Path(__file__).parents[2]
BASE: Final = ROOT / "bench" / "budget.json"
LIMIT: Final = 1.10
"""Times the base."""
DEADLINE_S: Final = 300
TOTALS: Final = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


def count_instructions(folder: Path) -> dict[str, int]:
    """Instructions of each piece of work, done once. callgrind's files go to `folder`.

    Raises:
        subprocess.SubprocessError: valgrind failed, or did not end.
        ValueError: its files are not as expected.
    """
    out = folder / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={out}"]
    # Nothing of the user's environment: what it holds moves the stack, and PYTHON* would change what is counted.
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
    subprocess.run(
        [*command, sys.executable, "-m", "bench.budget.counted"],
        cwd=ROOT,
        env=environment,
        timeout=DEADLINE_S,
        check=True,
        capture_output=True,
    )
    pieces = [total(Path(f"{out}.{number}")) for number in range(2, 2 * len(PARTS) + 1, 2)]
    counted = dict(zip(PARTS, pieces, strict=True))
    return {name: (counted[name, 2] - counted[name, 1]) // times for name, (_, times) in WORK.items()}


def total(dump: Path) -> int:
    """The instructions in one dump."""
    if (found := TOTALS.search(dump.read_text())) is None:
        raise ValueError(f"{dump.name} has no total")
    return int(found[1])


def ratios(counts: dict[str, int]) -> dict[str, float]:
    """Each piece of work in units of the calibration loop."""
    return {name: round(n / counts["calibration"], 4) for name, n in counts.items() if name != "calibration"}


def compare(now: dict[str, float], base: dict[str, float]) -> dict[str, float]:
    """How much each costs now, times the base. What the base does not have costs infinitely more."""
    return {name: cost / base[name] if name in base else float("inf") for name, cost in now.items()}


def main(arguments: list[str]) -> int:
    """Print the comparison; 1 if something became too dear."""
    with tempfile.TemporaryDirectory(prefix="roomtape-budget-") as folder:
        counts = count_instructions(Path(folder))
    now = ratios(counts)
    if arguments == ["--store"]:
        BASE.write_text(json.dumps(now, indent=2) + "\n")
    grown = compare(now, json.loads(BASE.read_text()))
    for name, times in grown.items():
        print(f"{name:<12} {counts[name]:>12,} instructions   {now[name]:>9.3f} units   {times:.3f} of the base")
    dear = [name for name, times in grown.items() if times > LIMIT]
    if dear:
        print(f"more than {LIMIT:.2f} of the base: {', '.join(dear)}")
        print("if that is meant, store a new base: .venv/bin/python -m bench.budget.check --store")
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
