"""`python3 publish.py`: roomtape's flat command line, under any python3. See --help and docs/configuration.md.

As a module it offers WebRTCSubprocessManager to other programs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomtape.supervisor.manager import WebRTCSubprocessManager

__all__ = ["WebRTCSubprocessManager"]


def __getattr__(name: str) -> object:
    # On demand: running this file must not import the package before its Python is found.
    if name == "WebRTCSubprocessManager":
        from roomtape.supervisor.manager import WebRTCSubprocessManager

        return WebRTCSubprocessManager
    raise AttributeError(name)


if __name__ == "__main__":
    from roomtape.launch import use_project_python

    use_project_python(__file__)

    from roomtape.cli import main_flat

    main_flat()
