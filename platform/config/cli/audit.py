"""`armstrong audit …`: a tenant's audit log from a shell: verify an export anywhere, make one beside the platform."""

import argparse
import importlib
import sys
from pathlib import Path

from config.machine.options import state_folder
from config.machine.state import adopt_environment
from config.problems import Problem
from config.roles.django_process import set_up
from tenants.audit.chain import Broken, Verified, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two acts."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    checked = acts.add_parser("verify", help="check an export, without the platform")
    checked.add_argument("file", metavar="FILE", help="an export in JSON Lines, or - for what comes in")
    made = acts.add_parser("export", help="print the log of a tenant, in JSON Lines")
    made.add_argument("tenant", metavar="TENANT", help="its address, such as acme")
    made.add_argument("--csv", action="store_true", help="print CSV, which cannot be verified")
    made.add_argument("--after", type=int, default=0, metavar="N", help="begin after the event with this number")


def run(arguments: argparse.Namespace) -> int:
    """Performs one act; the exit status. Raises Problem, where the chain breaks with the sentence that says where."""
    return _verify(arguments.file) if arguments.act == "verify" else _export(arguments)


def _verify(name: str) -> int:
    try:
        found = _verified(name)
    except (Broken, OSError) as problem:
        raise Problem(f"{problem}") from None
    except UnicodeDecodeError:
        raise Problem("This is no UTF-8 text, so that it is no export.") from None
    if not found.events:
        raise Problem("There is no event in it.")
    sys.stdout.write(
        f"{found.events:,} event{'' if found.events == 1 else 's'}, from number {found.sequence - found.events + 1} to "
        f"number {found.sequence}, none missing and none altered.\nDigest of the last: {found.digest}\n"
    )
    return 0


def _verified(name: str) -> Verified:
    if name == "-":
        return verify(line.decode() for line in sys.stdin.buffer)
    with Path(name).open(encoding="utf-8") as lines:
        return verify(lines)


def _export(arguments: argparse.Namespace) -> int:
    adopt_environment(state_folder())
    set_up()
    # Models can be imported from here on.
    lines = importlib.import_module("config.auditing").exported
    for line in lines(arguments.tenant, "csv" if arguments.csv else "jsonl", arguments.after):
        sys.stdout.write(line)
    return 0
