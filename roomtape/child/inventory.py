"""`python -m roomtape.child.inventory`: which GStreamer this is and what it lacks, as one JSON object on stdout.

A process of its own, since a broken GStreamer may end the process that loads it. `roomtape.doctor` reads the object:

    {"version": "1.22.0", "missing": {"nicesrc": "gstreamer1.0-nice"}}    elements, with their Debian packages
    {"fault": "cannot load …", "package": "python3-gi"}                   it cannot be loaded at all
"""

import json
import sys
from collections.abc import Iterator
from typing import Final

_LIBRARIES: Final = {
    "GstSdp": "gir1.2-gst-plugins-base-1.0",
    "GstWebRTC": "gir1.2-gst-plugins-bad-1.0",
    "Gst": "gir1.2-gstreamer-1.0",
}
"""Packages of the typelibs that `roomtape.child.gst` loads; PyGObject names the missing one in its error."""
_PYGOBJECT: Final = "python3-gi"


def take() -> dict[str, object]:
    """The inventory."""
    try:
        from roomtape.child.gst import PACKAGES, Gst, init
    except (ImportError, ValueError) as error:
        # What is not the lack of a typelib is PyGObject's own.
        package = next((package for name, package in _LIBRARIES.items() if f"{name} " in f"{error} "), _PYGOBJECT)
        return {"fault": f"cannot load GStreamer: {error}", "package": package}
    version = init()
    return {"version": version, "missing": dict(_missing(PACKAGES, Gst))}


def _missing(packages: dict[str, str], gst: object) -> Iterator[tuple[str, str]]:
    find = gst.ElementFactory.find  # type: ignore[attr-defined]
    return ((element, package) for element, package in packages.items() if find(element) is None)


def main() -> None:
    sys.stdout.write(json.dumps(take()) + "\n")


if __name__ == "__main__":
    main()
