import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from roomtape.crash_reports import MAX_REPORTS, CrashReports
from roomtape.folders import Folders
from roomtape.ipc.messages import BusMessage
from roomtape.model import StreamId
from roomtape.observe.metrics import Metrics
from roomtape.observe.redactor import Redactor
from roomtape.supervisor.crash import Crash, Trail

ANN = StreamId("ann")


def crash_with(*lines: str) -> Crash:
    trail = Trail()
    for line in lines:
        trail.line(line)
        trail.said(BusMessage(level="error", text=line))
    return trail.crash("ended by SIGSEGV")


class Reporter:
    def __init__(self, folder: Path) -> None:
        self.folder, self.metrics, self._disk = folder, Metrics(), ThreadPoolExecutor(1)
        folders = Folders(str(folder), None, "x.manifest.json")
        self.reports = CrashReports(folders, "room", self._disk, self.metrics, Redactor(["hunter2"]).clean)

    def written(self) -> list[Path]:
        self._disk.shutdown()
        return sorted(self.folder.iterdir())


def test_a_crash_is_told_in_a_file_without_secrets(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path)
    reporter.reports.add(ANN, 3, crash_with('turn://"x":hunter2@host', "v=0\na=mid:0"))
    [path] = reporter.written()
    assert path.name.startswith("crash-room_ann_03_")
    text = path.read_text()
    report = json.loads(text)
    assert "hunter2" not in text
    assert (report["stream"], report["take"], report["crash"]["exit"]) == ("ann", 3, "ended by SIGSEGV")
    assert report["crash"]["stderr"][0] == 'turn://"x":***@host'
    assert report["crash"]["bus"][0] == "error turn://***@host"
    assert report["roomtape"]
    assert report["python"].startswith("3.")


def test_no_report_takes_the_place_of_another_and_there_are_only_so_many(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path)
    for n in range(MAX_REPORTS + 3):
        reporter.reports.add(ANN, 1, crash_with(f"number {n}"))
    written = reporter.written()
    assert {json.loads(path.read_text())["crash"]["stderr"][0] for path in written} == {
        f"number {n}" for n in range(MAX_REPORTS)
    }
    assert reporter.metrics.children_crashed.value == MAX_REPORTS + 3


def test_a_folder_that_takes_none_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reporter = Reporter(tmp_path / "gone")
    reporter.reports.add(ANN, 1, crash_with())
    reporter._disk.shutdown()
    assert "cannot write a crash report" in caplog.messages
