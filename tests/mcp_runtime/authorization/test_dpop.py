"""Tokens that are bound to a key, at the worker: who proves to hold it is let in, once for each proof."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization import dpop
from mcp_runtime.authorization.dpop import WINDOW_SECONDS, SeenProofs
from mcp_runtime.services.endpoints import Logins, endpoint_update
from mcp_runtime.worker import Worker
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.proofs import Proof
from tests.conftest import Cast
from tests.mcp_runtime.authorization.test_access_tokens import ORIGIN, token_for
from tests.mcp_runtime.conftest import Stage, make_stage
from tests.mcp_runtime.driving import BOTH, BOUND_SECONDS, Answer, eventually, in_console, modern, whole
from tests.mcp_runtime.transports.lanes import in_lanes, modern_bytes, read_response
from tests.proving import Prover


@dataclass
class Holder:
    """A client that holds the key that its token is bound to."""

    stage: Stage
    worker: Worker
    token: str
    prover: Prover = field(default_factory=Prover)

    @property
    def url(self) -> str:
        """The endpoint's."""
        return f"{ORIGIN}{self.stage.path}"

    def proof(self, **changes: Any) -> str:
        """A proof for the next call."""
        return self.prover.proof(self.url, **({"token": self.token} | changes))

    async def call(self, proof: str | None = None, **headers: str | None) -> Answer:
        """A call with a fresh proof, or a certain one."""
        named = {"authorization": f"DPoP {self.token}", "dpop": proof or self.proof()} | headers
        return await self.stage.client(self.worker).modern("tools/call", {"name": "echo", "arguments": {}}, **named)


async def _holder(stage: Stage, worker: Worker, **changes: Any) -> Holder:
    prover = Prover()
    token = await token_for(stage, cnf={"jkt": prover.thumbprint}, **changes)
    holder = Holder(stage, worker, token, prover)

    async def is_let_in() -> bool:
        return (await holder.call()).status == 200

    await eventually(is_let_in)
    return holder


def _refused(answer: Answer, error: str) -> None:
    assert answer.status == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('DPoP realm="mcp"')
    assert f'error="{error}"' in challenge
    assert 'algs="ES256 ' in challenge
    assert "resource_metadata=" in challenge


async def test_who_proves_to_hold_the_key_calls(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    for _ in range(3):
        assert "result" in (await holder.call()).json


async def test_a_bound_token_is_no_bearer_token(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    _refused(await stage.client(worker, key=holder.token).modern("tools/list"), "invalid_token")
    _refused(await holder.call(authorization=f"Bearer {holder.token}"), "invalid_token")


async def test_what_is_bound_to_no_key_is_not_taken_as_if_it_were(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    for unbound in (await token_for(stage), stage.key, "ams_x", ""):
        _refused(await holder.call(authorization=f"DPoP {unbound}"), "invalid_token")


async def test_a_proof_is_good_once(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    proof = holder.proof()
    assert (await holder.call(proof)).status == 200
    _refused(await holder.call(proof), "invalid_dpop_proof")
    _refused(await holder.call(holder.proof(jti="same", iat=None)), "invalid_dpop_proof")
    assert (await holder.call(holder.proof(jti="same"))).status == 200
    _refused(await holder.call(holder.proof(jti="same")), "invalid_dpop_proof")


async def test_a_proof_for_anything_else_is_refused(stage: Stage, worker: Worker, cast: Cast) -> None:
    holder = await _holder(stage, worker)
    other = await token_for(stage, cnf={"jkt": holder.prover.thumbprint})
    sibling = await in_console(lambda: make_stage(stage.tenant, stage.owner))
    stranger = Holder(stage, worker, holder.token)
    wrong = [
        holder.proof(method="GET"),
        holder.proof(token=other),
        holder.proof(ath=None),
        holder.proof(iat=1),
        holder.proof(htu=f"{ORIGIN}{sibling.path}"),
        holder.proof(htu=f"{ORIGIN}{stage.at('sse')}"),
        holder.proof(htu=f"http://evil.example{stage.path}"),
        holder.proof(header={"typ": "JWT"}),
        holder.proof(header={"alg": "none"}),
        holder.proof(header={"jwk": stranger.prover.key.as_dict(private=False)}),
        stranger.proof(),
        f"{holder.proof()}, {holder.proof()}",
        "x" * 5_000,
    ]
    for proof in wrong:
        _refused(await holder.call(proof), "invalid_dpop_proof")
    assert (await holder.call()).status == 200
    elsewhere = await in_console(lambda: make_stage(cast.elsewhere, cast.charlie))
    for foreign in (sibling, elsewhere):
        there = replace(holder, stage=foreign)
        _refused(await there.call(), "invalid_token")


async def test_two_proofs_are_none(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    message, named = modern("tools/list")
    raw = [(b"host", b"localhost:8100"), (b"accept", BOTH.encode()), (b"content-type", b"application/json")]
    raw += [(name.encode(), str(value).encode()) for name, value in named.items()]
    raw.append((b"authorization", f"DPoP {holder.token}".encode()))
    for count, status in ((0, 401), (2, 401), (1, 200)):
        proofs = [(b"dpop", holder.proof().encode()) for _ in range(count)]
        sent = stage.client(worker).open_raw("POST", json.dumps(message).encode(), [*raw, *proofs])
        assert (await whole(sent)).status == status


@pytest.mark.parametrize("cnf", [{}, "key", {"jkt": 7}, {"x5t#S256": "x"}, {"jkt": "x", "x5t#S256": "x"}, None, []])
async def test_a_token_that_is_bound_otherwise_is_refused(stage: Stage, worker: Worker, cnf: Any) -> None:
    holder = await _holder(stage, worker)
    token = await token_for(stage, cnf=cnf) if cnf is not None else await token_for(stage, cnf={"jwk": {}})
    assert (await stage.client(worker, key=token).modern("tools/list")).status == 401
    assert (await replace(holder, token=token).call()).status == 401


async def test_a_stream_opens_with_a_proof_and_ends_with_its_grant(stage: Stage, worker: Worker) -> None:
    grant = str(uuid.uuid4())
    holder = await _holder(stage, worker, grant=grant)
    client = stage.client(worker)
    listen = {"notifications": {"toolsListChanged": True}}
    named = {"authorization": f"DPoP {holder.token}", "dpop": holder.proof()}
    stream = client.open_modern("subscriptions/listen", listen, **named)
    assert await stream.start() == 200
    await stream.frame()
    await stage.change(lambda _actor: cut_off(stage.tenant.id, f"grant:{grant}", "left"))
    await asyncio.wait_for(stream.task, BOUND_SECONDS)
    _refused(await holder.call(), "invalid_token")


async def _require(stage: Stage, *, proof: bool) -> None:
    await stage.change(
        lambda actor: endpoint_update(
            actor=actor,
            endpoint_slug=stage.endpoint.slug,
            name=stage.endpoint.name,
            instructions="",
            access=stage.endpoint.access,
            allowed_origins=[],
            logins=Logins(requires_proof=proof),
        )
    )


async def test_an_endpoint_may_demand_proofs_of_tokens_and_goes_on_taking_keys(stage: Stage, worker: Worker) -> None:
    holder, plain = await _holder(stage, worker), await token_for(stage)
    bearer = stage.client(worker, key=plain)
    await bearer.initialize()
    stream = bearer.open("GET")
    assert await stream.start() == 200
    await _require(stage, proof=True)
    with pytest.raises(EOFError):
        await stream.frame()
    _refused(await stage.client(worker, key=plain).modern("tools/list"), "invalid_token")
    nobody = await stage.client(worker).modern("tools/list", authorization=None)
    assert nobody.headers["www-authenticate"].startswith("DPoP ")
    assert "error=" not in nobody.headers["www-authenticate"]
    assert (await holder.call()).status == 200
    assert (await stage.client(worker, key=stage.key).modern("tools/list")).status == 200
    told = await stage.client(worker).send("GET", path=f"/.well-known/oauth-protected-resource{stage.path}")
    assert told.json["dpop_bound_access_tokens_required"] is True
    assert "ES256" in told.json["dpop_signing_alg_values_supported"]


async def test_too_little_scope_is_said_by_the_same_scheme(stage: Stage, worker: Worker) -> None:
    prover = Prover()
    token = await token_for(stage, cnf={"jkt": prover.thumbprint}, scope="mcp:read")
    holder = Holder(stage, worker, token, prover)

    async def is_known() -> bool:
        return (await holder.call()).status == 403

    await eventually(is_known)
    answer = await holder.call()
    assert answer.json["error"]["data"]["refusal"] == "insufficient_scope"
    assert answer.headers["www-authenticate"].startswith("DPoP ")
    assert 'scope="mcp:call"' in answer.headers["www-authenticate"]


async def test_behind_the_fast_lane_a_repeated_head_is_a_replay(stage: Stage, worker: Worker) -> None:
    holder = await _holder(stage, worker)
    async with in_lanes(worker) as lanes:
        reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])

        async def status_of(proof: str) -> int:
            writer.write(modern_bytes(stage, "tools/list", authorization=f"DPoP {holder.token}", dpop=proof))
            return (await asyncio.wait_for(read_response(reader), BOUND_SECONDS))[0]

        proof = holder.proof()
        assert [await status_of(sent) for sent in (proof, proof, holder.proof(), proof)] == [200, 401, 200, 401]
        assert lanes.taken == 0
        writer.close()


def test_what_was_seen_is_forgotten_when_it_is_too_old_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, proof = SeenProofs(), Proof("key", "id", 0)
    assert seen.is_first("a", proof, 1_000)
    assert not seen.is_first("a", proof, 1_001)
    assert seen.is_first("b", proof, 1_001)
    assert not seen.is_first("a", proof, 1_000 + WINDOW_SECONDS)
    assert seen.is_first("a", proof, 1_000 + 2 * WINDOW_SECONDS)
    monkeypatch.setattr(dpop, "MAXIMUM_SEEN", 2)
    assert seen.is_first("a", Proof("key", "2", 0), 1_000 + 2 * WINDOW_SECONDS)
    with pytest.raises(Refused) as refused:
        seen.is_first("a", Proof("key", "3", 0), 1_000 + 2 * WINDOW_SECONDS)
    assert refused.value.refusal == refusals.OVERLOADED
    assert seen.is_first("b", Proof("key", "3", 0), 1_000 + 2 * WINDOW_SECONDS)
