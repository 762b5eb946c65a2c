"""The documents say what is: commands that parse, options and names that exist, links that lead somewhere."""

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from roomtape.cli import flat_command, roomtape_command, run
from roomtape.options import TABLE
from roomtape.storage.repair import Done, Repair
from roomtape.storage.verify import Report
from tests.unit.source import FILES, MODULES, PACKAGE, tree

ROOT = PACKAGE.parent
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *ADRS)
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()

FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:\$ )?(?:ROOMTAPE_\w+=\S* )*((?:python3 publish\.py|roomtape) [^|]+?)(?: \| .+)?")
NOT_IN_THE_TABLE = {"help", "version"}
NOT_OURS = {"gi"}


def outside_fences(text: str) -> str:
    return FENCED.sub("", text)


def command_lines() -> Iterator[str]:
    """Those in code blocks, and those in a sentence that have arguments."""
    for document in DOCUMENTS:
        text = document.read_text()
        fenced = [line for block in FENCED.findall(text) for line in block.splitlines()]
        inline = [code for code in INLINE.findall(outside_fences(text)) if len(code.split()) > 2]
        for code in fenced + inline:
            if match := COMMAND.fullmatch(code.strip()):
                yield match[1]


COMMAND_LINES = sorted(set(command_lines()))


class FakeJobs(ModuleType):
    """Stands for the modules that do the work: whatever they are asked to do has been done."""

    def __init__(self) -> None:
        super().__init__("fake_jobs")
        self.done = 0

    def record(self, *_: object) -> int:
        self.done += 1
        return 0

    view = publish = serve = run = record

    def recover(self, path: Path, *_: object) -> Repair:
        self.done += 1
        return Repair(path=path, done=Done.FINAL, sentence="needs no repair")

    def verify_all(self, paths: tuple[Path, ...]) -> list[Report]:
        self.done += 1
        return [Report(path=path, ok=True, verdict="plays") for path in paths]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeJobs:
    """In a folder that has the files of the examples."""
    fake = FakeJobs()
    for name in ("app", "doctor", "demo"):
        monkeypatch.setitem(sys.modules, f"roomtape.{name}", fake)
    monkeypatch.setattr("roomtape.storage.verify.verify_all", fake.verify_all)
    monkeypatch.setattr("roomtape.storage.recovery.recover", fake.recover)
    for option in TABLE:
        monkeypatch.delenv(option.environment, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("recordings").mkdir()
    Path("recordings/one.webm").touch()
    Path("room.password").write_text("secret\n")
    Path("turn.servers").write_text("turn://user:secret@turn.example.org:3478\n")
    return fake


def test_the_readme_shows_how_to_begin() -> None:
    assert "make demo" in README
    assert "make test" in README


def test_commands_are_found() -> None:
    assert "python3 publish.py --room testroom123 --record-room" in COMMAND_LINES
    assert "roomtape verify recordings" in COMMAND_LINES


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_line_is_understood(line: str, jobs: FakeJobs, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line, comments=True)
    flat = words[0] == "python3"
    code = run(flat_command(), words[2:]) if flat else run(roomtape_command(), words[1:])
    assert (code, capsys.readouterr().err, jobs.done) == (0, "", 1)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_options_in_a_sentence_exist(document: Path) -> None:
    known = {option.name for option in TABLE} | NOT_IN_THE_TABLE
    codes = (code for code in INLINE.findall(outside_fences(document.read_text())) if code.startswith("--"))
    mentioned = {re.split(r"[\s=]", code)[0].removeprefix("--") for code in codes}
    options_of_others = {"system-site-packages"}
    assert mentioned - known <= options_of_others


def names() -> set[str]:
    """What may be said of the source: modules, what they define, and the members of classes."""
    found = set(MODULES) | {module.rpartition(".")[2] for module in MODULES}
    for module in MODULES:
        for node in tree(module).body:
            for name in defined(node):
                found |= {name, f"{module}.{name}", f"{module.rpartition('.')[2]}.{name}"}
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{name}" for member in node.body for name in defined(member)}
    return found


def defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_architecture_names_what_exists() -> None:
    known = names() | NOT_OURS
    folders = {f"{path.parent.name}/" for path in FILES.values()}
    said = {re.split(r"[(<]", code)[0] for code in INLINE.findall(ARCHITECTURE)}
    unknown = {code for code in said if code not in known | folders and not (ROOT / code).exists()}
    assert not {code for code in unknown if not (PACKAGE / code).exists()}


@pytest.mark.parametrize("adr", ADRS, ids=lambda path: path.name)
def test_a_decision_has_number_context_and_consequences(adr: Path) -> None:
    headings = re.findall(r"^#+ .+$", adr.read_text(), re.MULTILINE)
    assert headings[0].startswith(f"# {adr.name[:3]}: ")
    assert headings[1:] == ["## Context", "## Decision", "## Consequences"]


def test_decisions_are_numbered_in_order() -> None:
    assert [path.name[:3] for path in ADRS] == [f"{number:03}" for number in range(1, len(ADRS) + 1)]


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(outside_fences(document.read_text())):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link
