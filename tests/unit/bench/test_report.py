"""Tables, plots, and their place in the document."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import msgspec
import pytest

from bench.plot import chart, spread, ticks
from bench.report import BEGIN, END, publish, table, text
from bench.result import Result


def result(peer: str, streams: int, cpu: float, **more: float | str) -> Result:
    raw = {"peer": peer, "codec": "vp8", "size": "360", "streams": streams, "seconds": 10.0, "cpu": cpu}
    return msgspec.convert(raw | {"pss_mib": 10.0, "ready_cpu": 0.1} | more, Result)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    runs = [result("minimal", n, 2.0) for n in (1, 5)] + [result("other", n, 1.0, post_cpu=0.5) for n in (1, 5)]
    lines = [json.dumps(msgspec.to_builtins(run)) for run in (*runs, result("other", 5, 9.9, failed="no media"))]
    (folder / "recorders.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "starts.jsonl").write_text('{"fork": {"cpu": 0.02}, "cpu_ratio": 0.1}\n')
    return folder


def test_ratios_are_to_the_minimal_receiver_and_include_the_work_afterwards() -> None:
    rows = table({"minimal": [result("minimal", 5, 2.0)], "other": [result("other", 5, 1.0, post_cpu=0.5)]})
    assert rows.splitlines()[3].startswith("| other | 1.5 | 0.75 | 10 | 1.00 |")


def test_of_several_rounds_the_median_counts() -> None:
    rows = table({"minimal": [result("minimal", 1, cpu) for cpu in (1.0, 2.0, 9.0)]})
    assert "| minimal | 2 | 1.00 |" in rows


def test_without_the_minimal_receiver_there_is_no_ratio() -> None:
    assert "| other | 1 |  | 10 |  |" in table({"other": [result("other", 1, 1.0)]})


def test_runs_that_failed_are_left_out(results: Path) -> None:
    assert "9.9" not in text(results)


def test_the_other_figures_are_told_one_a_line(results: Path) -> None:
    assert "- fork cpu: 0.02\n- cpu ratio: 0.1\n" in text(results)


def test_publishing_again_changes_nothing_else(results: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "images").mkdir(parents=True)
    page = docs / "performance.md"
    page.write_text(f"# Before\n\n{BEGIN}old\n{END}\nAfter\n")
    publish(results, docs)
    once = page.read_text()
    publish(results, docs)
    assert page.read_text() == once
    assert once.startswith("# Before\n") and once.endswith("\nAfter\n") and "old" not in once
    assert {path.name for path in (docs / "images").iterdir()} == {
        "bench-cpu.svg",
        "bench-memory.svg",
        "bench-start.svg",
    }


def test_a_page_that_has_no_place_for_it_gets_one(results: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    publish(results, tmp_path)
    assert "## Against other recorders" in (tmp_path / "performance.md").read_text()


def test_a_chart_is_xml_and_has_every_line() -> None:
    svg = chart("a < b", "x", "y", {"one": [(1, 2.0), (24, 3.0)], "two": [(1, 0.5)], "nothing": [(1, 0.0)]})
    words = {element.text for element in ElementTree.fromstring(svg).iter()}
    assert {"a < b", "one", "two", "24"} <= words
    assert "nothing" not in words


def test_ticks_hold_all_values_between_them() -> None:
    assert ticks(0.3, 7.0) == [0.2, 0.5, 1.0, 2.0, 5.0, 10.0]


def test_labels_do_not_cover_each_other() -> None:
    assert spread([(10.0, "b"), (12.0, "a"), (90.0, "c")]) == {"b": 10.0, "a": 26.0, "c": 90.0}
