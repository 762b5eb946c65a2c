"""`python -m roomtape.child`: one child on stdin and stdout."""

import sys

from roomtape.child.main import main

sys.exit(main())
