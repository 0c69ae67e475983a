"""Running tasks: the handlers that workers call, in a loop of this process, a lease on each task."""

import asyncio
import logging
from collections import Counter

import msgspec

from core.outbound import Client
from core.refusals import Refused
from mcp_runtime.bus import Bus
from mcp_runtime.durable.claims import Claim, Claims, Ending, asking, completed, failure
from mcp_runtime.durable.conversation import TaskConversation
from mcp_runtime.health.breakers import Breakers
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.protocol.features.tools import checked_output, encode_tool_result
from mcp_runtime.protocol.questions import encode_question
from mcp_runtime.protocol.revisions import ALL
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.protocol.tasks import FAILED
from mcp_runtime.snapshots.compile import Compiler, Sources
from mcp_runtime.sources.contract import CallContext, Workshop, text_result
from mcp_runtime.sources.conversation import ClientCannot, ClientFailed
from mcp_runtime.sources.credentials import VaultReader
from mcp_runtime.sources.registry import SOURCES, UPSTREAM_SOURCES
from mcp_runtime.transports.signals import announcer
from mcp_runtime.upstreams.lines import Lines
from mcp_runtime.upstreams.opening import Opener, retire
from mcp_runtime.upstreams.served import Links

logger = logging.getLogger(__name__)

RENEW_SECONDS = 1.0
RUN_SECONDS = 3_600.0
MAXIMUM_OF_A_TENANT = 16  # in one process, so that a flood of one leaves room for the others


class Runner:
    """Runs tasks in the loop that it is made in."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._claims = Claims(database_url)
        self._renewals = Claims(database_url)
        self._http = Client()
        self._bus = Bus(redis_url)
        self._links, self._vault = Links(), VaultReader(database_url, self._http)
        opener = Opener(UPSTREAM_SOURCES, Lines(self._http, self._vault).of, self._links, Breakers())
        workshop = Workshop(http=self._http, announce=announcer(self._bus))
        self._compiler = Compiler(Sources(SOURCES, {}, {}), workshop, opener)
        self._running: Counter[str] = Counter()

    async def close(self) -> None:
        """Closes every connection."""
        await self._links.close()
        await self._vault.close()
        await self._http.close()
        await self._bus.close()
        await self._claims.close()
        await self._renewals.close()

    async def due(self, patience_seconds: float) -> list[tuple[str, str]]:
        """Tenant and id of tasks that have to be looked at. Raises DatabaseAway."""
        return await self._renewals.due(patience_seconds)

    async def run(self, tenant_id: str, task_id: str) -> None:
        """Runs a task, if it can be run now: to its end, or to where it waits for answers."""
        if self._running[tenant_id] >= MAXIMUM_OF_A_TENANT:
            return  # the schedule brings it back
        self._running[tenant_id] += 1
        try:
            claim = await self._claims.claim(tenant_id, task_id)
            if claim is not None:
                await self._run(claim)
        except DatabaseAway:
            logger.warning("task %s waits for the database", task_id)
        finally:
            self._running[tenant_id] -= 1

    async def _run(self, claim: Claim) -> None:
        working = asyncio.create_task(self._perform(claim))
        renewing = asyncio.create_task(self._renew(claim))
        try:
            await asyncio.wait({working, renewing}, timeout=RUN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            renewing.cancel()
        if not working.done():
            # Cancelled by its client, another's by now, or too long at work.
            working.cancel()
            await asyncio.wait({working}, timeout=RENEW_SECONDS)
            await self._claims.end(claim, _failed(f"It did not end within {RUN_SECONDS:g} seconds."))
            return
        await self._write(claim, _failed("Internal error") if working.cancelled() else working.result())

    async def _write(self, claim: Claim, ending: Ending) -> None:
        """Writes the ending, and while the database is away tries again for as long as the lease may hold."""
        while True:
            try:
                await self._claims.end(claim, ending)
            except DatabaseAway:
                logger.warning("the outcome of task %s waits for the database", claim.task_id)
                await asyncio.sleep(RENEW_SECONDS)
            else:
                return

    async def _renew(self, claim: Claim) -> None:
        """Returns when the run may not go on."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if not await self._renewals.renew(claim):
                    return
            except DatabaseAway:
                # Nobody else can claim it either while the database is away.
                logger.warning("the lease of task %s waits for the database", claim.task_id)

    async def _perform(self, claim: Claim) -> Ending:
        """Calls the tool. Whatever happens becomes an ending."""
        revision = ALL[claim.call.version]
        try:
            return await self._call(claim)
        except InputRequired as asked:
            return asking({key: encode_question(question, revision) for key, question in asked.questions.items()})
        except Refused as refused:
            code = refused.refusal.number if refused.refusal.rpc_code is None else refused.refusal.rpc_code
            return _failed(str(refused), code)
        except ClientCannot as cannot:
            return _failed(f"This needs a client that declares: {', '.join(sorted(cannot.required))}.")
        except ClientFailed as failed:
            return _failed(str(failed))
        except Exception:
            logger.exception("task %s failed", claim.task_id)
            return _failed("Internal error")

    async def _call(self, claim: Claim) -> Ending:
        needed = [upstream for upstream in claim.snapshot.upstreams if upstream.id == claim.tool.upstream]
        only = msgspec.structs.replace(claim.snapshot, tools=[claim.tool], prompts=[], resources=[], upstreams=needed)
        endpoint = await self._compiler.compile(only, None)
        try:
            return await self._call_of(endpoint, claim)
        finally:
            retire(endpoint.upstreams, {})

    @staticmethod
    async def _call_of(endpoint: ServedEndpoint, claim: Claim) -> Ending:
        revision = ALL[claim.call.version]
        tool = endpoint.tools.get(claim.tool.name)
        if tool is None:
            return _failed(endpoint.unavailable[0].reason)
        if not tool.validator.is_valid(claim.call.arguments):
            # The tool was changed after the call was accepted.
            invalid = text_result("The arguments do not match the tool's schema any more.", is_error=True)
            return completed(encode_tool_result(endpoint, revision, invalid))
        result = await tool.handler(_context(claim), claim.call.arguments)
        return completed(encode_tool_result(endpoint, revision, checked_output(tool, result)))


def _context(claim: Claim) -> CallContext:
    deadline = asyncio.get_running_loop().time() + RUN_SECONDS
    conversation = TaskConversation(claim.call.capabilities, claim.answers)
    return CallContext(
        claim.tenant_id, claim.endpoint_id, claim.principal, f"task-{claim.task_id}", deadline, conversation
    )


def _failed(message: str, code: int = -32603) -> Ending:
    return Ending(FAILED, failure(message, code), message)
