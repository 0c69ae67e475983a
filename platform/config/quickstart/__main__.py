"""`python -m config.quickstart`: makes the demo, unless its facts are there and its printed call works."""

import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

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
    origin = environment.text("RUNTIME_URL")
    conformance_url = origin + urlsplit(facts.conformance_url).path
    addresses = present_addresses()
    replace(facts, mcp_url=origin + facts.mcp_path, conformance_url=conformance_url, **addresses).write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
