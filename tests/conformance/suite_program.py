"""The suite as a program: starts it with its Node, and reads what it wrote down of each scenario."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.conformance import authorization
from tests.conformance.authorization import Person
from tests.conformance.hosts import NAMES
from tests.conformance.scenarios import Run
from tests.conformance.table import Check, Row
from tests.node_packages import NODE
from tests.servers import ROOT

RUN_SECONDS = 240
CLIENT_SECONDS = 600
# It starts all clients at once, which takes longer than it waits for one; so each waits for its turn.
PATIENCE = ("--timeout", "540000")
# Its folders are named for the scenario and the moment: server-ping-2026-11-22T16-40-50-153Z
_FOLDER = re.compile(r"(?:(?:authorization-)?server-)?(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


class Suite:
    """Both pre-releases, installed in `folder`; `facts` are the platform's."""

    def __init__(self, folder: Path, facts: Mapping[str, str]) -> None:
        self._facts = facts
        self._packages = folder / "node_modules"
        own = self._packages / ".bin" / "node"
        # There is none for every machine; that of the development requirements will do too.
        self._node = own if own.exists() else NODE

    def rows(self, run: Run, results: Path) -> Iterator[Row]:
        """What became of each scenario of a run, and a row that says so where some did not run."""
        program = self._packages / run.package / "dist" / "index.js"
        folder = results / run.folder
        folder.mkdir(parents=True)
        words = [run.side, *self._aimed(run, folder), *run.arguments, "--output-dir", str(folder)]
        with (folder / "log").open("w") as log:
            self._run(run, [self._node, program, *words], log)
        found = sorted(_read(run, folder), key=lambda row: row.scenario)
        yield from found
        if len(found) != run.scenarios:
            sentence = f"{len(found)} of {run.scenarios} scenarios ran; {folder / 'log'} says more"
            yield Row(run.name, run.suite, "(all)", [Check("all", "FAILURE", sentence)])

    def _aimed(self, run: Run, folder: Path) -> Sequence[str]:
        url = self._facts[run.fact]
        if run.side == "authorization":
            return authorization.words(url, authorization.issuer_of(url))
        return ("--url", url) if run.side == "server" else ("--command", _client(folder), *PATIENCE)

    def _run(self, run: Run, command: list[str | Path], log: IO[str]) -> None:
        if run.side == "authorization":
            authorization.watched(command, log, _environment(), Person.of(self._facts))
            return
        # Its exit code says less than what it wrote down: it does not count warnings.
        seconds = RUN_SECONDS if run.side == "server" else CLIENT_SECONDS
        subprocess.run(command, check=False, stdout=log, stderr=subprocess.STDOUT, timeout=seconds, env=_environment())


def _client(folder: Path) -> str:
    """The command that our client is started with, one at a time."""
    return f"flock {folder / 'turn'} {sys.executable} -m tests.conformance.client_program"


def _environment() -> dict[str, str]:
    options = f"{os.environ.get('NODE_OPTIONS', '')} --require {NAMES}".strip()
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "NODE_OPTIONS": options}


def _read(run: Run, folder: Path) -> Iterator[Row]:
    for file in folder.glob("**/checks.json"):
        named = _FOLDER.fullmatch(str(file.parent.relative_to(folder)))
        assert named is not None, f"{file.parent}: a name that no scenario has"
        checks = [
            Check(check["id"], check["status"], check.get("errorMessage") or check.get("description", ""))
            for check in json.loads(file.read_text(encoding="utf-8"))
        ]
        yield Row(run.name, run.suite, named["scenario"], checks)
