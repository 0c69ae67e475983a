"""What leaves: an HTTP status, a body that is always JSON, and how errors and refusals become one."""

from typing import Any

import msgspec

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import encode, error_envelope, result_envelope
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.questions import encode_question
from mcp_runtime.protocol.revision import Exchange, Job, Revision, Signal
from mcp_runtime.protocol.wire import SERVER_INFO, wire_of
from mcp_runtime.sources.conversation import ClientCannot
from tenants.authorization.proofs import ALGORITHMS

type HeaderList = tuple[tuple[bytes, bytes], ...]

# RFC 6750 section 3: without credentials no error is named, with bad ones invalid_token is.
_CHALLENGES = {
    refusals.AUTHENTICATION_REQUIRED.name: 'Bearer realm="mcp"',
    refusals.INVALID_CREDENTIALS.name: 'Bearer realm="mcp", error="invalid_token", '
    'error_description="The key or token is wrong, expired or revoked"',
    refusals.INVALID_DPOP_PROOF.name: 'DPoP realm="mcp", error="invalid_dpop_proof", '
    'error_description="The proof of possession is missing, wrong, old or used"',
    refusals.TOKEN_IN_QUERY.name: 'Bearer realm="mcp", error="invalid_request", '
    'error_description="Send the key in the Authorization header"',
    refusals.INSUFFICIENT_SCOPE.name: 'Bearer realm="mcp", error="insufficient_scope", '
    'error_description="The access token does not cover this"',
}
# What a refusal's data says of the way in, and what a challenge calls it (RFC 9728 section 5.1, RFC 6750 section 3).
_WAY_IN = {"resourceMetadata": "resource_metadata", "scope": "scope"}
# RFC 9449 section 7.1.
_PROVED, _PROOFS = "DPoP", " ".join(ALGORITHMS)


class Reply(msgspec.Struct, frozen=True):
    """A whole answer. An empty body has no content type."""

    status: int
    body: bytes
    headers: HeaderList = ()
    media_type: bytes = b"application/json"


class Work(msgspec.Struct, frozen=True):
    """A request whose answer takes time: run `job`, then wrap what it returns."""

    id: bytes
    exchange: Exchange
    job: Job

    @property
    def revision(self) -> Revision:
        return self.exchange.revision

    def reply(self, result: bytes) -> Reply:
        """The answer that carries the encoded result."""
        return Reply(200, result_envelope(self.id, result))

    def failure(self, error: RpcError) -> Reply:
        """The answer that carries an error."""
        return error_reply(self.id, error, self.revision)

    def asking(self, asked: InputRequired) -> Reply:
        """The answer that asks for more (2026-07-28, basic/patterns/mrtr)."""
        requests = {key: encode_question(question, self.revision) for key, question in asked.questions.items()}
        meta = {SERVER_INFO: wire_of(self.exchange.endpoint, self.revision).server_info}
        body = {
            "resultType": "input_required",
            "inputRequests": requests,
            "requestState": asked.state,
            "_meta": meta,
        }
        return self.reply(encode(body))

    def incapable(self, cannot: ClientCannot) -> Reply:
        """The answer to a client that lacks what a question needs: an error where the revision has one for it."""
        if self.revision.stateless:
            data = {"requiredCapabilities": cannot.required}
            return self.failure(RpcError(errors.MISSING_CLIENT_CAPABILITY, "Missing required client capability", data))
        needed = ", ".join(sorted(cannot.required))
        return self.reply(self.job.failed(f"This needs a client that declares: {needed}."))


class Notice(msgspec.Struct, frozen=True):
    """Something to tell another part of the platform, and then to answer. `id` is empty where nobody asked."""

    signal: Signal
    reply: Reply
    id: bytes = b""


class Batch(msgspec.Struct, frozen=True):
    """Several answers in one array; there is at least one."""

    parts: list[Reply | Work | Notice]


type Outcome = Reply | Work | Notice | Listen | Batch

ACCEPTED = Reply(202, b"")


def error_reply(identifier: bytes, error: RpcError, revision: Revision) -> Reply:
    """A JSON-RPC error with the HTTP status that the revision gives its code."""
    status = error.status or revision.status_of(error.code)
    return Reply(status, error_envelope(identifier, error.code, error.message, error.data))


def refusal_reply(refused: Refused, identifier: bytes = b"", headers: HeaderList = ()) -> Reply:
    """A refusal of the platform: its own HTTP status, and a JSON-RPC error that says which and what to do."""
    refusal = refused.refusal
    data = {"refusal": refusal.name, "number": refusal.number, "advice": refusal.advice, **refused.data}
    code = refusal.number if refusal.rpc_code is None else refusal.rpc_code
    seconds = refused.data.get("retryAfterSeconds", refusal.retry_after_seconds)
    if seconds is not None:
        headers = (*headers, (b"retry-after", b"%d" % seconds))
    challenge = _CHALLENGES.get(refusal.name)
    if challenge is not None:
        headers = (*headers, (b"www-authenticate", _challenge(challenge, data)))
    return Reply(refusal.http_status, error_envelope(identifier, code, str(refused), data), headers)


def _challenge(challenge: str, data: dict[str, Any]) -> bytes:
    if challenge.startswith(_PROVED) or data.get("challenge") == _PROVED:
        challenge = f'{_PROVED}{challenge.removeprefix(_PROVED).removeprefix("Bearer")}, algs="{_PROOFS}"'
    said = [f'{name}="{data[member]}"' for member, name in _WAY_IN.items() if member in data]
    return ", ".join([challenge, *said]).encode()
