"""A publishing child whose first key frames never arrive: the picture is on its way, and cannot begin yet."""

import sys
import time
from typing import Any, Final

from roomtape.child import branch, main
from roomtape.child.gst import Gst
from roomtape.ipc.messages import PublishConfig
from roomtape.model import TrackKind

WITHHELD_S: Final = 1.3
"""From the first picture on; less than a file waits for it."""

_payloader = branch.payloader


def _without_first_key_frames(kind: TrackKind, config: PublishConfig) -> Any:
    made = _payloader(kind, config)
    if kind is not TrackKind.VIDEO:
        return made
    element = made if isinstance(made, Gst.Element) else Gst.parse_bin_from_description(made, True)
    begun = 0.0

    def probe(_: Any, info: Any) -> Any:
        nonlocal begun
        begun = begun or time.monotonic()
        if time.monotonic() - begun > WITHHELD_S:
            return Gst.PadProbeReturn.REMOVE
        is_key = not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT)
        return Gst.PadProbeReturn.DROP if is_key else Gst.PadProbeReturn.OK

    element.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, probe)
    return element


if __name__ == "__main__":
    setattr(branch, "payloader", _without_first_key_frames)  # noqa: B010 - the branch looks it up when it is made
    sys.exit(main.main())
