"""How a script at the top of the checkout comes to run under the project's own Python.

Any python3 on PATH runs this first, perhaps an old one: standard library only, and no newer syntax than 3.6's.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
_MARK = "_ROOMTAPE_RELAUNCHED"


def use_project_python(script: str) -> None:
    """Returns under .venv's Python; under any other, runs `script` again with that one and the same arguments.

    Exits with 2 and one sentence if .venv is missing or broken.
    """
    relaunched = os.environ.pop(_MARK, None)
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    python = VENV / "bin" / "python"
    if relaunched or not os.access(str(python), os.X_OK):
        state = "is broken" if relaunched else "is missing"
        sys.stderr.write(f"roomtape's environment {VENV} {state}: make it with `make setup` in {ROOT}\n")
        sys.exit(2)
    os.environ[_MARK] = "1"
    os.execv(str(python), [str(python), str(Path(script).resolve()), *sys.argv[1:]])  # noqa: S606 - no shell is meant
