"""Whatever credentials and headers come with a call to a worker: it is served or refused in JSON, never a 5xx."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.tenancy import tenant_context
from mcp_runtime.worker import Worker
from tenants.authorization.signing import sign
from tests.attacks.shapes import CLAIMED, HERE, TEXTS, examples, mutated, mutations, said, understood
from tests.attacks.test_malformed import jws_of
from tests.mcp_runtime.authorization.test_access_tokens import ORIGIN, _settled, claims_for, token_for
from tests.mcp_runtime.authorization.test_trusted_tokens import Idp, idp, trusting
from tests.mcp_runtime.conftest import Stage, probe, stage, worker
from tests.mcp_runtime.driving import Answer, in_console, modern, whole
from tests.proving import Prover
from tests.told_host import host

__all__ = ["host", "idp", "probe", "stage", "trusting", "worker"]
SHARE = 2
CLAIMS = [
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "client_id", "grant", "endpoint", "cnf", "email",
    "groups",
]  # fmt: skip
HEADER = ["typ", "alg", "kid", "crit", "b64", "jwk", "zip"]


def is_answered(answer: Answer) -> None:
    """A worker says in JSON whatever it says, and no failure of its own."""
    assert answer.status < 500, answer.body
    assert not answer.body or json.loads(answer.body)


@pytest.fixture
async def ready(stage: Stage, worker: Worker) -> Worker:
    """The worker, once it knows the tenant's keys."""
    await _settled(stage, worker, await token_for(stage), 200)
    return worker


async def _asked(stage: Stage, worker: Worker, token: str) -> int:
    """The status of a list of tools, and of a call, with a token."""
    client = stage.client(worker, key="".join(one for one in token if one.isascii() and one.isprintable()))
    listed = await client.modern("tools/list")
    is_answered(listed)
    is_answered(await client.modern("tools/call", {"name": "echo", "arguments": {}}))
    return listed.status


def _understood(claims: dict[str, Any], stage: Stage) -> dict[str, Any]:
    found = json.dumps(understood(claims) or {}).replace(HERE, f"{ORIGIN}{stage.path}")
    return dict(json.loads(found))


@examples(SHARE)
@given(said(CLAIMS, CLAIMED), st.none() | st.integers(0), st.sampled_from(["at+jwt", "JWT", ""]))
@example({"exp": 10**400}, None, "at+jwt")
@example({"iat": -(10**400)}, None, "at+jwt")
@example({"aud": [7, HERE]}, None, "at+jwt")
async def test_an_access_token_of_ours_says_anything(
    stage: Stage, ready: Worker, claims: dict[str, Any], seed: int | None, typ: str
) -> None:
    # The server that signs these writes UTF-8, and so no lone surrogates.
    known = claims_for(stage) | json.loads(json.dumps(_understood(claims, stage)).replace("\\ud800", "\\u2028"))

    def inside() -> str:
        with tenant_context(stage.tenant.id):
            return sign(stage.tenant.id, known, typ=typ)

    token = await in_console(inside)
    await _asked(stage, ready, token if seed is None else mutated(token, seed))


@examples(SHARE)
@given(st.tuples(said(HEADER), said(CLAIMS, CLAIMED)), st.none() | st.integers(0))
async def test_a_token_of_a_trusted_issuer_says_anything(
    stage: Stage, worker: Worker, trusting: Idp, parts: tuple[dict[str, Any], dict[str, Any]], seed: int | None
) -> None:
    token = trusting.token(stage, understood(parts[0]), **_understood(parts[1], stage))
    await _asked(stage, worker, token if seed is None else mutated(token, seed))


@examples(SHARE)
@given(said([*CLAIMS, "htm", "htu", "ath"], CLAIMED), said(HEADER), st.none() | st.integers(0))
async def test_a_proof_says_anything(
    stage: Stage, ready: Worker, claims: dict[str, Any], header: dict[str, Any], seed: int | None
) -> None:
    prover = Prover()
    token = await token_for(stage, cnf={"jkt": prover.thumbprint})
    url = f"{ORIGIN}{stage.path}"
    proof = prover.proof(url, token=token, header=understood(header), **_understood(claims, stage))
    sent = _header(proof if seed is None else mutated(proof, seed))
    message, headers = modern("tools/list")
    for scheme in ("DPoP", "Bearer"):
        presented = {**headers, "dpop": sent, "authorization": f"{scheme} {token}"}
        is_answered(await stage.client(ready).send(body=json.dumps(message).encode(), headers=presented))


def _header(text: str) -> str:
    return "".join(one for one in text if one.isascii() and one.isprintable())


NAMES = ["authorization", "dpop", "host", "x-forwarded-for", "forwarded", "origin", "accept", "content-type", "cookie",
         "mcp-session-id", "mcp-method", "mcp-name", "mcp-protocol-version", "last-event-id", "content-encoding",
         "x-forwarded-host", "traceparent", "access-control-request-headers", "if-none-match"]  # fmt: skip
LINES = st.lists(
    st.tuples(
        st.sampled_from(NAMES).map(str.encode),
        st.one_of(
            mutations(
                "Bearer amk_x", f"DPoP {jws_of('{}', '{}')}", "localhost:8100", "192.0.2.1, 2001:db8::1",
                "for=192.0.2.1",
                "application/json, text/event-stream;q=0.5", "https://app.example.com", "2026-07-28", "tools/list",
            ).map(lambda text: text.encode("utf-8", "replace")),
            TEXTS.map(lambda text: text.encode("utf-8", "replace")),
            st.binary(max_size=40),
        ).map(lambda value: value.translate(None, b"\r\n\0")),
    ),
    max_size=5,
)  # fmt: skip


@examples(SHARE)
@given(LINES, st.sampled_from(["POST", "GET", "DELETE", "OPTIONS", "HEAD", "PUT"]), st.sampled_from(["whole", "bare"]))
async def test_a_call_has_any_headers(
    stage: Stage, worker: Worker, lines: list[tuple[bytes, bytes]], method: str, form: str
) -> None:
    message, headers = modern("tools/list", identifier=uuid.uuid4().hex)
    usual = {"host": "localhost:8100", "accept": "application/json, text/event-stream", **headers}
    usual |= {"content-type": "application/json", "authorization": f"Bearer {stage.key}"}
    named = {name for name, _ in lines}
    kept = [(name.encode(), str(value).encode()) for name, value in usual.items() if name.encode() not in named]
    raw = [*(kept if form == "whole" else kept[:1]), *lines]
    for path in (None, f"/.well-known/oauth-protected-resource{stage.path}", "/.well-known/oauth-authorization-server"):
        exchange = stage.client(worker).open_raw(method, json.dumps(message).encode(), raw, path=path)
        is_answered(await whole(exchange))
