"""What the doctor looks at, with real processes: GStreamer, whole and broken, tools, limits."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from roomtape.machine import INVENTORY, Inventory, Machine, read_inventory, run

DEADLINE_S = 20


def inventory(stand_in: Path | None = None) -> Inventory:
    """With a package `gi` from that folder, if given."""
    environment = os.environ | ({"PYTHONPATH": str(stand_in)} if stand_in else {})
    done = subprocess.run(INVENTORY, env=environment, capture_output=True, timeout=DEADLINE_S, check=False)
    return read_inventory(done.returncode, done.stdout, done.stderr)


def fake_gi(folder: Path, code: str) -> Path:
    (folder / "gi").mkdir()
    (folder / "gi" / "__init__.py").write_text(code)
    return folder


def test_this_machine_has_all_that_the_other_tests_need() -> None:
    found = inventory()
    assert (found.missing, found.fault) == ({}, "")
    assert tuple(map(int, found.version.split("."))) >= (1, 22, 0)


NOT_ALL = "def require_version(name, version):\n    if name in {}: raise ValueError(name + ' not available')"


@pytest.mark.parametrize(
    ("code", "fault", "package"),
    [
        ("raise ImportError('libgirepository: no such file')", "libgirepository: no such file", "python3-gi"),
        (NOT_ALL.format(["Gst", "GstSdp"]), "Gst not available", "gir1.2-gstreamer-1.0"),
        (NOT_ALL.format(["GstSdp", "GstWebRTC"]), "GstSdp not available", "gir1.2-gst-plugins-base-1.0"),
        (NOT_ALL.format(["GstWebRTC"]), "GstWebRTC not available", "gir1.2-gst-plugins-bad-1.0"),
    ],
)
def test_what_does_not_load_names_its_package(tmp_path: Path, code: str, fault: str, package: str) -> None:
    assert inventory(fake_gi(tmp_path, code)) == Inventory(fault=fault, package=package)


def test_a_gstreamer_that_crashes_is_survived(tmp_path: Path) -> None:
    found = inventory(fake_gi(tmp_path, "import os\nos.abort()"))
    assert found.fault.startswith("the process that loads it ended with code -6")
    assert found.package == "python3-gi"


def test_an_element_that_is_not_installed_is_missing() -> None:
    """As if a plugin file were gone: GStreamer knows nothing of a name that no plugin has."""
    code = (
        "from roomtape.child import gst, inventory\n"
        "gst.PACKAGES['no-such-element'] = 'its-package'\n"
        "import json; print(json.dumps(inventory.take()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=DEADLINE_S, check=True)
    assert json.loads(done.stdout)["missing"] == {"no-such-element": "its-package"}


async def test_a_program_that_hangs_is_killed_at_its_deadline() -> None:
    hang = "import time; print('begun', flush=True); time.sleep(60)"
    assert await run((sys.executable, "-c", hang), 0.2) == (None, b"", b"")


async def test_a_tool_that_is_there_and_one_that_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    for name, script in (("good", "echo $0 version 7.1-x Copyright"), ("bad", "echo a b c; exit 1"), ("mute", "exit")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    machine = Machine()
    versions = [await machine.tool(name) for name in ("good", "bad", "mute", "absent-tool")]
    assert versions == ["7.1-x", None, None, None]


def test_the_limit_of_open_files_is_that_of_the_shell() -> None:
    told = subprocess.run(["sh", "-c", "ulimit -S -n"], capture_output=True, text=True, check=True).stdout.strip()
    assert Machine().open_files() == (-1 if told == "unlimited" else int(told))


def test_the_room_for_what_arrives_is_what_a_socket_gets_that_asks_for_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * Machine().receive_bytes()
