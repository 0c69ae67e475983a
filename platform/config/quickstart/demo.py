"""`python -m config.quickstart.demo`: makes what is missing of the demo, and writes its facts."""

import importlib
import sys

from config.roles.django_process import set_up


def main() -> int:
    """The exit status."""
    set_up()
    # Models can be imported only now.
    importlib.import_module("config.quickstart.seed").seed()
    return 0


if __name__ == "__main__":
    sys.exit(main())
