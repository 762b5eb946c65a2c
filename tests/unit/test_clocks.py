"""The computer's clock may be set while guests are recorded: nothing that waits or measures goes by it."""

import ast
from collections.abc import Iterator

from tests.unit.source import MODULES, tree

# Every place that asks what time of day it is, and what for.
TIME_OF_DAY = {
    ("child.filing", "Filing._reserve"): "the file's name, which gets a number should it be there already",
    ("child.filing", "Filing.reserve_prelude"): "the same",
    ("crash_reports", "CrashReports.add"): "the report's name and time",
    ("former", "former_session"): "the manifest: when the session went on",
    ("handshake.tls", "ssl_context"): "how long a certificate is valid",
    ("ice.turn_list", "fetch_turn_list"): "a number that no cache has seen, in an address",
    ("log", "LineHandler.lines"): "the time of day that a line shows",
    ("recorder", "RecorderApp.__init__"): "the manifest: when the session began, and its name",
    ("recorder", "RecorderApp.child_exited"): "the manifest: when a take ended",
    ("recorder", "RecorderApp.child_said"): "the manifest: when a file began, and when a guest changed something",
    ("recorder", "RecorderApp.finish_manifest"): "the manifest: when the session ended",
}
ASKING = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.clock_gettime"),
    *("GLib.get_real_time", "GLib.DateTime.new_now_utc", "Gst.ClockType.REALTIME"),
}
DEFINITIONS = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def asking(node: ast.AST, where: str = "") -> Iterator[str]:
    """Where in the source the time of day is asked for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Attribute) and ast.unparse(child).removeprefix("datetime.datetime.") in (
            ASKING | {"now", "utcnow", "today"}
        ):
            yield where
        yield from asking(child, f"{where}.{child.name}".lstrip(".") if isinstance(child, DEFINITIONS) else where)


def test_the_time_of_day_is_asked_for_in_names_and_reports_alone() -> None:
    found = {(module, where) for module in MODULES for where in asking(tree(module))}
    assert found == set(TIME_OF_DAY)


def test_it_is_not_asked_for_under_another_name() -> None:
    """So that the other test sees it."""
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "time", module
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert not [one for one in node.names if one.name in ("time", "datetime", "date") and one.asname], (
                    module
                )
