"""`python -m config.quickstart`: makes the demo, unless its facts are there and its printed call works."""

import subprocess
import sys
from dataclasses import replace

from config.machine.commands import OURS
from config.machine.options import state_folder
from config.quickstart.call import works
from config.quickstart.facts import Facts, present_addresses
from core import environment


def main() -> int:
    """The exit status."""
    folder = state_folder()
    facts = Facts.read(folder)
    if facts is None or not works(environment.text("RUNTIME_INTERNAL_URL"), facts.mcp_path, facts.api_key):
        return subprocess.run([*OURS, "config.quickstart.demo"], check=False).returncode
    mcp_url = environment.text("RUNTIME_URL") + facts.mcp_path
    replace(facts, mcp_url=mcp_url, **present_addresses()).write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
