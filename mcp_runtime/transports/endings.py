"""How a call ended: the boundary where an exception becomes an answer, and what the ledger is told of it."""

import asyncio
import logging
from collections.abc import Callable

from core.refusals import Refused
from mcp_runtime.metering.meter import FAILED, INPUT_REQUIRED, OK, REFUSED, TOOL_ERROR
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.replies import Reply, Work, refusal_reply
from mcp_runtime.protocol.settled import ErrorResult, HeldBackResult
from mcp_runtime.sources.conversation import ClientCannot, ClientFailed

logger = logging.getLogger(__name__)

type Ending = tuple[Reply, str]
INVALID_ARGUMENTS = f"{REFUSED}invalid_arguments"
HELD_BACK = f"{REFUSED}held_back"
CLIENT_CANNOT = f"{REFUSED}client_cannot"


def ending_of(work: Work, result: Callable[[], bytes], request_id: str) -> Ending:
    """The answer and the outcome. What an unforeseen exception says stays in the log."""
    try:
        encoded = result()
        return work.reply(encoded), OK if type(encoded) is bytes else _outcome_of(encoded)
    except InputRequired as asked:
        return work.asking(asked), INPUT_REQUIRED
    except (RpcError, Refused, ClientCannot, ClientFailed) as failure:
        return _failed(work, failure)
    except (Exception, asyncio.CancelledError):
        logger.exception("request %s failed", request_id)
        return work.failure(RpcError(errors.INTERNAL_ERROR, "Internal error", {"request_id": request_id})), FAILED


def _outcome_of(encoded: bytes) -> str:
    if isinstance(encoded, ErrorResult):
        return TOOL_ERROR
    return HELD_BACK if isinstance(encoded, HeldBackResult) else INVALID_ARGUMENTS


def _failed(work: Work, failure: RpcError | Refused | ClientCannot | ClientFailed) -> Ending:
    try:
        if isinstance(failure, Refused):
            return refusal_reply(failure, work.id), REFUSED + failure.refusal.name
        if isinstance(failure, ClientCannot):
            return work.incapable(failure), CLIENT_CANNOT
        if isinstance(failure, ClientFailed):
            return work.reply(work.job.failed(str(failure))), TOOL_ERROR
    except RpcError as error:
        return work.failure(error), FAILED
    ours = failure.code == errors.INTERNAL_ERROR
    return work.failure(failure), FAILED if ours else f"{REFUSED}{failure.code}"
