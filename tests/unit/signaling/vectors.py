"""The test vectors of protocol.md."""

import json
from pathlib import Path
from typing import Any, Final

VECTORS: Final[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "vectors" / "protocol.json").read_text())


def named(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """For pytest.mark.parametrize: the entries, and their ids."""
    return {"argvalues": entries, "ids": [entry["id"] for entry in entries]}
