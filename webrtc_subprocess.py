"""One WebRTC child: JSON lines on standard input and output, and nothing else there (roomtape/ipc/messages.py)."""

if __name__ == "__main__":
    import sys

    from roomtape.launch import use_project_python

    use_project_python(__file__)

    from roomtape.child.main import main

    sys.exit(main())
