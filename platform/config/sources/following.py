"""An import followed to its end, here or in whichever job took it first."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from django.db import connection

from config.problems import Problem
from core.tenancy import tenant_context
from mcp_runtime.models import ImportRun, RunState
from mcp_runtime.services.importing import IMPORT_SECONDS, import_perform

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = IMPORT_SECONDS + 60


def followed(run: ImportRun, *, is_quiet: bool) -> ImportRun:
    """The run once it is over; tells on standard error how far it is. Raises Problem where nothing comes of it."""
    patience = time.monotonic() + PATIENCE_SECONDS
    told = ""
    with ThreadPoolExecutor(1) as here:
        performing = here.submit(_perform, run)
        while time.monotonic() < patience:
            _wait(performing)
            now = _look(run)
            if now.state in (RunState.DONE, RunState.FAILED):
                return now
            told = told if is_quiet else _tell(now, told)
    raise Problem("The import was taken by a job that says nothing. Look again with `armstrong source list`.")


def _perform(run: ImportRun) -> None:
    try:
        import_perform(run.tenant_id, run.pk)
    finally:
        connection.close()


def _wait(performing: Future[None]) -> None:
    try:
        performing.result(timeout=LOOK_SECONDS)
    except NotYet:
        return
    time.sleep(LOOK_SECONDS / 10)


def _look(run: ImportRun) -> ImportRun:
    with tenant_context(run.tenant_id):
        return ImportRun.objects.get(pk=run.pk)


def _tell(run: ImportRun, told: str) -> str:
    progress = f" {run.done:,} of {run.total:,}" if run.total else ""
    sentence = f"{run.doing or 'Waiting for its turn'}{progress}"
    if sentence != told:
        sys.stderr.write(f"{sentence}\n")
    return sentence
