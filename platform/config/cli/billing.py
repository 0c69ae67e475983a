"""`armstrong billing …`: plans and contracts, the catalogue at Stripe, its events, and whether use is billed right."""

import argparse
import importlib
import sys
from collections.abc import Callable

from config.machine.options import state_folder
from config.machine.state import adopt_environment
from config.roles.django_process import set_up

# Of billing.entitlements.Limit, which cannot be imported before Django is set up.
LIMITS = (
    "connections",
    "requests_per_second",
    "endpoints",
    "tools_per_endpoint",
    "members",
    "usage_days",
    "audit_days",
    "requests",
    "calls_included",
)
# Which module has an act.
AGREEING = "config.agreeing"
PAYING = "config.paying"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The acts."""
    parser.set_defaults(by=PAYING)
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    acts.add_parser("plans", help="list every version of every plan, and which are on sale").set_defaults(by=AGREEING)
    _contract(acts.add_parser("contract", help="agree on limits and a price with one tenant, or show what is agreed"))
    acts.add_parser("sync", help="make what the account lacks: products, prices, the meter, the portal's configuration")
    listed = acts.add_parser("events", help="list the events of Stripe that wait or were given up")
    listed.add_argument("--state", default="", help="received, parked, dead, ignored or applied")
    replayed = acts.add_parser("replay", help="apply an event anew, whatever became of it")
    replayed.add_argument("event", metavar="ID", help="such as evt_1Q…")
    verified = acts.add_parser("verify", help="compare the ledger, what was reported of it, and Stripe's meter")
    verified.add_argument("tenant", metavar="TENANT", nargs="?", default="", help="its slug; else everybody who pays")
    verified.add_argument("--month", default="", help="such as 2026-06 (UTC); else the present one")
    credits_ = acts.add_parser("credits", help="list what is to be given back for uptime, or note one as given by hand")
    credits_.add_argument("tenant", metavar="TENANT", nargs="?", default="", help="whose month was credited by hand")
    credits_.add_argument("--month", default="", help="such as 2026-06 (UTC)")
    acts.add_parser("reconcile", help="list what no webhook told, and look at every customer, now")


def run(arguments: argparse.Namespace) -> int:
    """Performs one act; the exit status is 1 where an event could not be applied, or calls differ. Raises Problem."""
    adopt_environment(state_folder())
    set_up()
    # Models can be imported from here on.
    perform: Callable[[argparse.Namespace], tuple[int, list[str]]] = importlib.import_module(arguments.by).perform
    status, lines = perform(arguments)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return status


def _contract(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(by=AGREEING)
    parser.add_argument("tenant", metavar="TENANT", help="its address, such as acme; with nothing else, its terms")
    parser.add_argument("--plan", help="the plan that it has while the contract lasts; its own, if left out")
    for name in LIMITS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, metavar="N", help="instead of the plan's; `none` is no limit")
    parser.add_argument("--price", metavar="AMOUNT", help="a month, in the plan's currency, such as 7500 or 7500.50")
    parser.add_argument("--overage", metavar="MILLICENTS", help="a call beyond those included, such as 1.5")
    parser.add_argument("--by-hand", action="store_true", help="it is invoiced by hand, and not by Stripe")
    parser.add_argument("--note", default="", help="what people should know")
    parser.add_argument("--until", metavar="DAY", help="the last day of it (UTC), such as 2027-12-31; without end else")
    parser.add_argument("--end", action="store_true", help="end the contract now: the plan holds again")
