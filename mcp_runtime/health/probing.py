"""Probing upstreams: many at once in one loop, so that those which hang keep nobody waiting but themselves."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_runtime.health.judging import Look
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from mcp_runtime.upstreams.lines import LookersLines
from mcp_runtime.upstreams.visits import Target, visited, visiting

logger = logging.getLogger(__name__)

PROBE_SECONDS = 10.0
_LOGIN = (Health.NEEDS_LOGIN, Health.DENIED)


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found, and how long it took. `unseen`: it is there, and shows what it has to members alone."""

    look: Look
    milliseconds: int
    unseen: bool = False


def probe_all(targets: Sequence[Target]) -> list[Probed]:
    """Probes each of them, in PROBE_SECONDS at most, in a loop of its own."""
    return asyncio.run(_probe_all(targets))


async def _probe_all(targets: Sequence[Target]) -> list[Probed]:
    async with visiting(LookersLines) as lines:
        return await asyncio.gather(*(_probe(lines, target) for target in targets))


async def _probe(lines: LookersLines, target: Target) -> Probed:
    began = time.monotonic()
    look = await _look(lines, target)
    milliseconds = round((time.monotonic() - began) * 1_000)
    if look.health in _LOGIN and await _waits_for_members(lines, target):
        return Probed(Look(Health.OK), milliseconds, unseen=True)
    return Probed(look, milliseconds)


async def _waits_for_members(lines: LookersLines, target: Target) -> bool:
    """Whether that it wants a login says that it is there: members log in for themselves, and calls tell them so."""
    snapshot = target.snapshot
    try:
        source = UPSTREAM_SOURCES[snapshot.kind]
        return await lines.are_members_all_that_it_waits_for(target.tenant_id, snapshot, source)
    except UpstreamFailed:
        return False


async def _look(lines: LookersLines, target: Target) -> Look:
    try:
        async with asyncio.timeout(PROBE_SECONDS + 1):
            await visited(lines, target, lambda opened: opened.probe(), PROBE_SECONDS)
    except UpstreamFailed as failure:
        return Look(failure.health, str(failure))
    except TimeoutError:
        return Look(Health.DOWN, "It could not be closed after it was looked at.")
    except Exception:
        # One upstream that its source stumbles over must not take away the looks at all others.
        logger.exception("upstream %s cannot be probed", target.snapshot.id)
        return Look(Health.DOWN, "It cannot be looked at; the platform's log says why.")
    return Look(Health.OK)
