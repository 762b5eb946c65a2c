"""`python -m roomtape.child.inventory`: which GStreamer this is and what it lacks, as one JSON object on stdout.

A process of its own, since a broken GStreamer may take down whoever loads it. `roomtape.doctor` reads the object:

    {"version": "1.22.0", "missing": {"nicesrc": "gstreamer1.0-nice"}}    elements and their Debian packages
    {"fault": "No module named 'gi'", "package": "python3-gi"}            it cannot be loaded at all
"""

import json
import sys
from typing import Final

_PYGOBJECT: Final = "python3-gi"
_TYPELIBS: Final = {
    "GstSdp": "gir1.2-gst-plugins-base-1.0",
    "GstWebRTC": "gir1.2-gst-plugins-bad-1.0",
    "Gst": "gir1.2-gstreamer-1.0",
}
"""Packages of what `roomtape.child.gst` loads through PyGObject, whose errors name it."""


def take() -> dict[str, object]:
    """The inventory."""
    try:
        from roomtape.child.gst import PACKAGES, Gst, init
    except (ImportError, ValueError) as error:
        fault = str(error)
        package = next((package for typelib, package in _TYPELIBS.items() if typelib in fault), _PYGOBJECT)
        return {"fault": fault, "package": package}
    version = init()
    missing = {name: package for name, package in PACKAGES.items() if Gst.ElementFactory.find(name) is None}
    return {"version": version, "missing": missing}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(take()) + "\n")
