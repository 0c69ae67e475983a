"""`armstrong doctor`: looks at each part and says what to do."""

import argparse
from dataclasses import replace

from config.doctor.examination import examine
from config.doctor.finding import Finding, Verdict
from config.machine.options import Options
from config.machine.state import State, adopt_environment

MARKS = {Verdict.WELL: "ok", Verdict.BROKEN: "BROKEN", Verdict.ABSENT: "-"}


def add_arguments(_: argparse.ArgumentParser) -> None:
    """The doctor takes no options."""


def run(_: argparse.Namespace) -> int:
    """Prints a line for each part; 1 when something is broken."""
    options = Options.from_environment()
    running = State(options.state).is_in_use()
    adopt_environment(options.state)
    if running:
        # Its own ports and addresses; but which servers are embedded is what the person said, not what it found.
        found = Options.from_environment()
        options = replace(found, database_url=options.database_url, redis_url=options.redis_url)
    findings = []
    for finding in examine(options, running=running):
        _say(finding)
        findings.append(finding)
    broken = [finding for finding in findings if finding.verdict is Verdict.BROKEN]
    print(f"\n{len(broken)} of {len(findings)} parts are broken." if broken else "\nNothing is broken.")
    return 1 if broken else 0


def _say(finding: Finding) -> None:
    print(f"{MARKS[finding.verdict]:7} {finding.part:12} {finding.text}", flush=True)
    if finding.advice:
        print(f"{'':20} → {finding.advice}", flush=True)
