"""Performing an import: short transactions around a long visit. Outside any tenant's context; opens its own."""

import logging
from uuid import UUID

from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import ImportRun
from mcp_runtime.services.imports import run_begin, run_fail, run_finish, run_over, run_progress
from mcp_runtime.services.publish import upstream_snapshot
from mcp_runtime.sources.upstream import Discovery, UpstreamFailed
from mcp_runtime.upstreams.visits import Progress, visit

logger = logging.getLogger(__name__)

IMPORT_SECONDS = 240.0


def import_perform(tenant_id: UUID, run_id: UUID) -> None:
    """Performs a run that nobody else performs: all that it finds is stored, or the reason why it failed."""
    with tenant_context(tenant_id):
        run = run_begin(run_id=run_id)
    if run is not None:
        error = _performed(run)
        if error:
            with tenant_context(tenant_id):
                run_fail(run_id=run_id, error=error)
    run_over(run_id)


def _performed(run: ImportRun) -> str:
    """Why the run failed; empty when it is done."""
    try:
        discovery = _discovered(run)
        with tenant_context(run.tenant_id):
            run_finish(run, discovery)
    except (UpstreamFailed, Refused) as failure:
        return str(failure)
    except Exception:
        logger.exception("import %s failed", run.pk)
        return "This is our fault; the platform's log says why."
    return ""


def _discovered(run: ImportRun) -> Discovery:
    progress = Progress()
    told = (0, 0, "")

    def tell() -> None:
        nonlocal told
        now = (progress.done, progress.total, progress.doing)
        if now != told:
            told = now
            with tenant_context(run.tenant_id):
                run_progress(run_id=run.pk, done=now[0], total=now[1], doing=now[2])

    upstream = run.upstream
    snapshot = upstream_snapshot(upstream)
    return visit(
        str(run.tenant_id),
        snapshot,
        lambda opened: opened.discover(progress.report),
        seconds=IMPORT_SECONDS,
        meanwhile=tell,
    )
