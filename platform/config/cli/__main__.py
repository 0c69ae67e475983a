"""`python -m config.cli` is `armstrong`."""

import sys

from config.cli import main

sys.exit(main())
