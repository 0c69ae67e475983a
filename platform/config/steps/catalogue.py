"""Makes what is sold in the stand-in for Stripe, at each start: it may have been emptied."""

import sys

from config.cli import main

if __name__ == "__main__":
    sys.exit(main(["billing", "sync"]))
