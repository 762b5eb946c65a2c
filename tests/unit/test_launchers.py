"""publish.py and webrtc_subprocess.py in a copy of the checkout whose .venv the test makes."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import publish

ROOT = Path(__file__).parents[2]
LAUNCHERS = ("publish.py", "webrtc_subprocess.py")
BEFORE_THE_VENV = (*LAUNCHERS, "roomtape/__init__.py", "roomtape/launch.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copy = tmp_path / "check out"
    (copy / "roomtape").mkdir(parents=True)
    for name in BEFORE_THE_VENV:
        shutil.copy(ROOT / name, copy / name)
    return copy


def make_venv(checkout: Path, python: str) -> None:
    """A .venv whose python is a shell script."""
    path = checkout / ".venv" / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{python}\n")
    path.chmod(0o755)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("name", BEFORE_THE_VENV)
def test_an_old_python_can_read_what_runs_before_the_venv_is_found(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("name", LAUNCHERS)
def test_runs_again_under_the_projects_python_with_the_same_arguments(
    name: str, checkout: Path, tmp_path: Path
) -> None:
    make_venv(checkout, 'printf "%s\\n" "$@"')
    done = run(Path("check out") / name, "--room", "a b", "--label", "", cwd=tmp_path)
    assert done.stdout.split("\n") == [str((checkout / name).resolve()), "--room", "a b", "--label", "", ""]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", LAUNCHERS)
def test_without_venv_one_sentence_names_the_command_that_makes_it(name: str, checkout: Path) -> None:
    done = run(name, cwd=checkout)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is missing" in done.stderr
    assert "`make setup`" in done.stderr


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_venv_that_is_none_does_not_make_it_run_for_ever(name: str, checkout: Path) -> None:
    make_venv(checkout, f'exec {sys.executable} "$@"')
    done = run(name, cwd=checkout)
    assert done.returncode == 2
    assert "is broken" in done.stderr


@pytest.mark.parametrize("name", LAUNCHERS)
def test_importing_runs_and_loads_nothing(name: str, checkout: Path) -> None:
    program = f"import sys, {name[:-3]}; print('roomtape' in sys.modules)"
    done = run("-c", program, cwd=checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_publish_offers_the_manager_to_other_programs() -> None:
    from roomtape.supervisor.manager import WebRTCSubprocessManager

    assert publish.WebRTCSubprocessManager is WebRTCSubprocessManager
    with pytest.raises(AttributeError, match="nothing_else"):
        getattr(publish, "nothing_else")  # noqa: B009 - mypy knows better
