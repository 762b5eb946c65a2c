"""`python -m roomtape.child.inventory`: which GStreamer this is and what it lacks, as one JSON object on stdout.

A process of its own, since a broken GStreamer may take down whoever loads it. `roomtape.doctor` reads the object:

    {"version": "1.22.0", "missing": {"nicesrc": "gstreamer1.0-nice"},    elements and their Debian packages
     "landlock": 3, "seccomp": true, "unconfined": []}                    what a recording child's sandbox is made of
    {"fault": "No module named 'gi'", "package": "python3-gi"}            it cannot be loaded at all
"""

import json
import os
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


def confined() -> dict[str, object]:
    """What is in force after this process has been shut in like a recording child."""
    from roomtape.child.sandbox import shut_in
    from roomtape.ipc.messages import RecordConfig

    found = shut_in(RecordConfig(stream_id="", folder=os.devnull, stem=""))
    return {"landlock": found.landlock, "seccomp": found.seccomp, "unconfined": found.missing}


if __name__ == "__main__":
    found = take()
    if "fault" not in found:
        found |= confined()
    sys.stdout.write(json.dumps(found) + "\n")
