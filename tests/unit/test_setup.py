"""scripts/setup.sh with fakes of the system's tools, and what it installs."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [line for line in (ROOT / "apt-packages.txt").read_text().splitlines() if not line.startswith("#")]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
)
DOCUMENTED = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


class FakeSystem:
    """Small shell scripts that stand before the real tools on PATH."""

    def __init__(self, folder: Path) -> None:
        self._tools = folder / "tools"
        self._tools.mkdir()
        self.log = folder / "log"
        self.log.touch()

    def tool(self, name: str, script: str) -> None:
        path = self._tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def installed(self, packages: list[str]) -> None:
        self.tool("dpkg-query", "\n".join(f"echo 'installed {name}'" for name in packages) + "\nexit 1")

    def setup(self) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": f"{self._tools}:{os.environ['PATH']}", "DEBIAN_FRONTEND": "dialog"}
        script = ROOT / "scripts" / "setup.sh"
        return subprocess.run([script], env=environment, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    fake = FakeSystem(tmp_path)
    fake.tool("sudo", "exit 1")
    # It fails, so that set-up ends before it would make a .venv.
    fake.tool("apt-get", f'echo "$DEBIAN_FRONTEND $@" >>{fake.log}; [ "$1" = update ]')
    return fake


def test_without_root_it_prints_the_one_line_that_is_missing(system: FakeSystem) -> None:
    system.tool("id", "echo 1000")
    system.installed(PACKAGES[2:])
    done = system.setup()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"  apt-get install --no-install-recommends {PACKAGES[0]} {PACKAGES[1]}"
    assert system.log.read_text() == ""


def test_with_root_it_installs_only_what_is_missing(system: FakeSystem) -> None:
    system.tool("id", "echo 0")
    system.installed(PACKAGES[:-1])
    assert system.setup().returncode != 0
    assert system.log.read_text().splitlines() == [
        "dialog update --quiet",
        f"noninteractive install --quiet --yes --no-install-recommends {PACKAGES[-1]}",
    ]


def test_with_sudo_it_installs_through_it(system: FakeSystem) -> None:
    system.tool("id", "echo 1000")
    system.tool("sudo", f'shift; [ "$1" = true ] || {{ echo "sudo $1" >>{system.log}; exec "$@"; }}')
    system.installed(PACKAGES[1:])
    assert system.setup().returncode != 0
    assert system.log.read_text().startswith("sudo apt-get\n")


def requirements() -> list[str]:
    """Their names, without what computers they are for."""
    project = PROJECT["project"]
    return [one.partition(";")[0] for one in (*project["dependencies"], *project["optional-dependencies"]["dev"])]


def test_every_python_dependency_is_pinned_and_explained() -> None:
    assert set(requirements()) <= PINS.keys()
    assert set(requirements()) | {"setuptools"} == DOCUMENTED - set(PACKAGES)


def test_every_debian_package_is_explained() -> None:
    assert set(PACKAGES) <= DOCUMENTED


@pytest.mark.parametrize("name", ["apt-packages.txt", "constraints.txt", "scripts/setup.sh", "Makefile", ".ci/run"])
def test_set_up_names_no_address(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()
