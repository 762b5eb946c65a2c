"""Who may import whom. A module imports lower floors, and its own folder on its own floor."""

from graphlib import TopologicalSorter

import pytest

from tests.unit.source import FILES, MODULES, inner, outer, reach

FLOORS: tuple[dict[str, str], ...] = (
    # 0: words that everyone uses
    {"": "errors model config logs launch bucket"},
    # 1: values and texts
    {
        "ipc": "ceilings storing source messages codec forking",
        "signaling": "identity messages crypto envelope wire link",
        "ice": "servers results",
        "supervisor": "backoff",
    },
    # 2: decisions; and the child, which is a program of its own
    {
        "supervisor": "scrub crash",
        "signaling": "pace protocol",
        "room": (
            "effects outcome watchdog attempt early asking owners row doubt ladder retries session places router"
            " publication publisher turns"
        ),
        "storage": "layout manifest structure fragments unfinished session space",
        "handshake": "effects limits rooms frames rules hosted fanout hub pages",
        "observe": "metrics board redactor floodgate",
        "": "changes",
        "child": (
            "__main__ main addresses answer av1 av1_elements av1_packets av1_sequence backlog batches bitrate branch"
            " bus candidates channel codecs cut datachannel deck destination diagnosis dtls economy encoders feed"
            " figures filing gst guest hold inventory jitter keyframes liveness matroska media outlet pace"
            " pattern peer placement prelude probe publishing receiving recording retime retimer rights rounds rtcp rtp"
            " rtp_clock sandbox screen sdp segments shelves silences simulcast sockets source sources syscall_filter"
            " tape track upkeep viewer viewing writer zygote"
        ),
    },
    # 3: shells, which have sockets, processes and clocks
    {
        "signaling": "client visit",
        "supervisor": "launcher manager encoders process pipes forked forkline forkserver pool",
        "storage": "tools packets claim repair recovery verify",
        "handshake": "server tls assets",
        "ice": "probe turn_list",
        "observe": "console systemd",
    },
    # 4: what roomtape does
    {
        "": (
            "log reports runner salvage folders former space_guard crash_reports recorder reloading service viewing"
            " publishing app machine doctor demo"
        ),
    },
    # 5: how it is told what to do
    {"": "option_types options given commands cli __main__"},
)

CHILD_MAY_IMPORT = {
    *("errors", "model", "bucket", "ipc.messages", "ipc.ceilings", "ipc.storing", "ipc.source"),
    *("ipc.codec", "ipc.forking"),
    *("signaling.envelope", "ice.servers"),
}
CHILD_MAY_BRING = CHILD_MAY_IMPORT | {"signaling.crypto"}

# In the child too, what can decide without GStreamer does.
CHILD_DECIDES = {
    f"child.{name}"
    for name in (
        "answer",
        "av1",
        "av1_packets",
        "av1_sequence",
        "backlog",
        "bitrate",
        "codecs",
        "cut",
        "diagnosis",
        "encoders",
        "guest",
        "liveness",
        "matroska",
        "pace",
        "pattern",
        "placement",
        "retime",
        "rights",
        "rtcp",
        "rtp",
        "sdp",
        "segments",
        "shelves",
        "silences",
        "simulcast",
        "sources",
        "syscall_filter",
    )
}
OUTSIDE_WORLD = {
    *("asyncio", "selectors", "select", "socket", "ssl", "http", "websockets"),
    *("subprocess", "multiprocessing", "threading", "signal", "time", "gi"),
}


def _name(folder: str, name: str) -> str:
    return f"{folder}.{name}" if folder else name


def _folder(module: str) -> str:
    return module.rpartition(".")[0]


TABLE = [
    (_name(folder, name), floor)
    for floor, folders in enumerate(FLOORS)
    for folder, names in folders.items()
    for name in names.split()
]
FLOOR = dict(TABLE)
DECIDERS = [name for name, floor in TABLE if floor < 3 and (_folder(name) != "child" or name in CHILD_DECIDES)]


def test_every_module_has_one_floor() -> None:
    assert sorted(name for name, _ in TABLE) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_lower_floors_or_its_own_folder(module: str) -> None:
    floor = FLOOR[module]
    too_high = {m for m in inner(module) if FLOOR[m] > floor or (FLOOR[m] == floor and _folder(m) != _folder(module))}
    assert not too_high


def test_nothing_imports_itself_in_a_circle() -> None:
    TopologicalSorter({module: inner(module) for module in MODULES}).prepare()


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("child.")])
def test_the_main_process_knows_neither_gstreamer_nor_the_child_s_code(module: str) -> None:
    assert "gi" not in outer(module)
    assert not {m for m in inner(module) if m.startswith("child.")}


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("child.")])
def test_a_child_imports_little(module: str) -> None:
    assert {m for m in inner(module) if not m.startswith("child.")} <= CHILD_MAY_IMPORT
    assert {m for m in reach(module) if not m.startswith("child.")} <= CHILD_MAY_BRING


@pytest.mark.parametrize("module", DECIDERS)
def test_what_decides_has_no_clock_and_no_socket(module: str) -> None:
    """Floors 0 to 2, whatever they bring along included."""
    guilty = {one: outer(one) & OUTSIDE_WORLD for one in reach(module)}
    assert not {one: names for one, names in guilty.items() if names}


@pytest.mark.parametrize("package", [name for name in FILES if name.endswith("__init__")])
def test_packages_import_nothing(package: str) -> None:
    """So that one module does not bring along its neighbours."""
    assert not inner(package)
    assert not outer(package)
