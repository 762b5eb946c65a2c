"""A publishing child whose sound takes longer over the network than its picture, and whose first sender reports come as
late as those of a browser."""

import sys
import time
from typing import Any, Final

from roomtape.child import branch, main, viewer
from roomtape.child.gst import Gst
from roomtape.ipc.messages import PublishConfig
from roomtape.model import TrackKind

SKEW_MS: Final = 300
SILENT_S: Final = 2.5
"""From the first report on that would be sent."""

_payloader = branch.payloader
_on_element = viewer.Viewer._on_element


def _late_sound(kind: TrackKind, config: PublishConfig) -> Any:
    made = _payloader(kind, config)
    if kind is not TrackKind.AUDIO:
        return made
    wait = f"queue min-threshold-time={SKEW_MS * 1_000_000} max-size-time=0 max-size-buffers=0"
    return Gst.parse_bin_from_description(f"{made} ! {wait}", True)


def _without_first_reports(self: viewer.Viewer, bin_: Any, sub: Any, element: Any) -> None:
    _on_element(self, bin_, sub, element)
    if element.get_factory() is not None and element.get_factory().get_name() == "rtpsession":
        element.connect("pad-added", _hold_reports)


def _hold_reports(_: Any, pad: Any) -> None:
    begun = 0.0

    def probe(*_: Any) -> Any:
        nonlocal begun
        begun = begun or time.monotonic()
        return Gst.PadProbeReturn.DROP if time.monotonic() - begun < SILENT_S else Gst.PadProbeReturn.REMOVE

    if pad.get_name().startswith("send_rtcp"):
        pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, probe)


if __name__ == "__main__":
    setattr(branch, "payloader", _late_sound)  # noqa: B010 - the branch looks it up when it is made
    setattr(viewer.Viewer, "_on_element", _without_first_reports)  # noqa: B010 - it is connected by its name
    sys.exit(main.main())
