"""`python -m roomtape`."""

from roomtape.cli import main

if __name__ == "__main__":
    main()
