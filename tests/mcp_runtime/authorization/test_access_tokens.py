"""Access tokens at the worker: who is let in by which, and every token that is not good here."""

import json
import time
import uuid
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from core import crypto
from core.tenancy import tenant_context
from mcp_runtime.worker import Worker
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.issuers import issuer_of
from tenants.authorization.signing import public_keys, sign, signing_key_rotate
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage, make_stage
from tests.mcp_runtime.driving import Answer, eventually, in_console
from tests.mcp_runtime.transports.test_doors import refusal_of

ORIGIN = "http://localhost:8100"
FAR = 4_102_444_800  # 2100, in seconds since the epoch


def claims_for(stage: Stage, **changes: Any) -> dict[str, Any]:
    """What a good token says; None leaves a claim out."""
    now = time.time()
    claims = {
        "iss": issuer_of(stage.tenant.id),
        "aud": f"{ORIGIN}{stage.path}",
        "sub": str(stage.owner.pk),
        "client_id": "https://client.example.com/metadata.json",
        "scope": "mcp:call",
        "iat": now,
        "exp": now + 600,
        "jti": uuid.uuid4().hex,
        "grant": str(uuid.uuid4()),
        "endpoint": str(stage.endpoint.pk),
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


async def token_for(stage: Stage, *, typ: str = "at+jwt", **changes: Any) -> str:
    """A token that the tenant's key signed."""

    def inside() -> str:
        with tenant_context(stage.tenant.id):
            return sign(stage.tenant.id, claims_for(stage, **changes), typ=typ)

    return await in_console(inside)


async def _asked(stage: Stage, worker: Worker, token: str, method: str = "tools/list", **params: Any) -> Answer:
    return await stage.client(worker, key=token).modern(method, params)


async def _settled(stage: Stage, worker: Worker, token: str, status: int) -> None:
    """Returns once the worker answers so: it hears of changes, and nobody is told when it has."""

    async def answers() -> bool:
        return (await _asked(stage, worker, token)).status == status

    await eventually(answers)


async def test_a_token_lets_its_member_call(stage: Stage, worker: Worker) -> None:
    token = await token_for(stage)
    await _settled(stage, worker, token, 200)
    called = await _asked(stage, worker, token, "tools/call", name="echo", arguments={})
    assert called.status == 200
    assert "result" in called.json


async def test_a_token_for_another_transport_of_the_endpoint_is_good(stage: Stage, worker: Worker) -> None:
    token = await token_for(stage, aud=[f"HTTP://localhost:8100{stage.at('sse')}"])
    await _settled(stage, worker, token, 200)


_BAD: list[dict[str, Any]] = [
    {"exp": 1},
    {"iat": FAR, "exp": FAR + 300},
    {"exp": FAR},
    {"exp": "never"},
    {"exp": True},
    {"iat": None},
    {"iss": "http://localhost:8000/oauth/somebody"},
    {"iss": None},
    {"aud": None},
    {"aud": []},
    {"aud": 1},
    {"aud": "http://localhost:8100/"},
    {"aud": "http://localhost:8100/t/x/other/mcp"},
    {"aud": "https://evil.example.com/t/x/demo/mcp"},
    {"aud": "http://[::1"},
    {"sub": None},
    {"sub": 7},
    {"client_id": None},
    {"scope": None},
    {"scope": ["mcp:call"]},
    {"grant": None},
    {"jti": None},
    {"endpoint": None},
    {"endpoint": "00000000-0000-4000-8000-000000000000"},
    {"cnf": {"jkt": "thumbprint"}},
]


@pytest.mark.parametrize("changes", _BAD, ids=lambda changes: "-".join(f"{k}={v}" for k, v in changes.items())[:60])
async def test_a_token_that_is_not_good_here_is_refused(stage: Stage, worker: Worker, changes: dict[str, Any]) -> None:
    await _settled(stage, worker, await token_for(stage), 200)
    answer = await _asked(stage, worker, await token_for(stage, **changes))
    assert refusal_of(answer) == (401, "invalid_credentials")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "resource_metadata=" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "oauth-id-jag+jwt", ""])
async def test_a_token_of_another_kind_is_refused(stage: Stage, worker: Worker, typ: str) -> None:
    await _settled(stage, worker, await token_for(stage), 200)
    assert refusal_of(await _asked(stage, worker, await token_for(stage, typ=typ)))[0] == 401


def _part(value: dict[str, Any]) -> str:
    return jwt.encode({"alg": "ES256"}, value, ECKey.generate_key("P-256"), algorithms=["ES256"]).split(".")[1]


async def test_a_token_that_the_tenant_did_not_sign_is_refused(stage: Stage, worker: Worker) -> None:
    good = await token_for(stage)
    await _settled(stage, worker, good, 200)
    head, body, signature = good.split(".")
    kid = json.loads(crypto.decode(head))["kid"]
    own = ECKey.generate_key("P-256")
    forged = [
        f"{_part({'alg': 'none', 'kid': kid, 'typ': 'at+jwt'})}.{body}.",
        f"{_part({'alg': 'HS256', 'kid': kid, 'typ': 'at+jwt'})}.{body}.{signature}",
        f"{head}.{_part(claims_for(stage, sub='somebody'))}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        jwt.encode({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, claims_for(stage), own, algorithms=["ES256"]),
        jwt.encode(
            {"alg": "ES256", "kid": "../../x", "typ": "at+jwt", "jwk": own.as_dict(private=False)},
            claims_for(stage),
            own,
            algorithms=["ES256"],
        ),
        f"eyJ.{'.' * 3}",
        f"eyJ{'A' * 20_000}.{body}.{signature}",
    ]
    for token in forged:
        assert refusal_of(await _asked(stage, worker, token))[0] == 401


async def test_a_siblings_token_opens_nothing_here_and_a_strangers_neither(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    token = await token_for(stage)
    await _settled(stage, worker, token, 200)
    sibling = await in_console(lambda: make_stage(stage.tenant, stage.owner))
    stranger = await in_console(lambda: make_stage(cast.elsewhere, cast.charlie))
    assert refusal_of(await _asked(sibling, worker, token))[0] == 401
    own = claims_for(stage)
    for claims in ({}, own):
        foreign = await token_for(stranger, **claims)
        assert refusal_of(await _asked(stage, worker, foreign))[0] == 401


async def test_after_a_rotation_both_keys_are_known(stage: Stage, worker: Worker) -> None:
    former = await token_for(stage)
    await stage.change(lambda _actor: signing_key_rotate(stage.tenant.id))
    await _settled(stage, worker, await token_for(stage), 200)
    await _settled(stage, worker, former, 200)


@pytest.mark.parametrize("subject", ["grant", "member", "client"])
async def test_what_is_cut_off_is_refused_at_once_and_its_streams_end(
    stage: Stage, worker: Worker, subject: str
) -> None:
    grant = str(uuid.uuid4())
    token = await token_for(stage, grant=grant)
    await _settled(stage, worker, token, 200)
    client = stage.client(worker, key=token)
    await client.initialize()
    stream = client.open("GET")
    assert await stream.start() == 200
    names = {
        "grant": f"grant:{grant}",
        "member": f"member:{stage.owner.pk}",
        "client": "client:https://client.example.com/metadata.json",
    }
    await stage.change(lambda _actor: cut_off(stage.tenant.id, names[subject], "left"))
    with pytest.raises(EOFError):
        await stream.frame()
    assert refusal_of(await _asked(stage, worker, token))[0] == 401
    other = await token_for(stage)
    assert (await _asked(stage, worker, other)).status == 200


async def test_reading_alone_lists_and_does_not_call(stage: Stage, worker: Worker) -> None:
    token = await token_for(stage, scope="mcp:read")
    await _settled(stage, worker, token, 200)
    answer = await _asked(stage, worker, token, "tools/call", name="echo", arguments={})
    assert (answer.status, answer.json["id"]) == (403, 1)
    assert answer.json["error"]["data"]["refusal"] == "insufficient_scope"
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="mcp:call"' in challenge
    assert f'resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource{stage.path}"' in challenge


async def test_without_a_scope_of_ours_nothing_is_read(stage: Stage, worker: Worker) -> None:
    token = await token_for(stage, scope="openid mcp:callous")
    await _settled(stage, worker, token, 403)


async def test_an_expired_token_is_not_served_out_of_memory(
    stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_for(stage)
    await _settled(stage, worker, token, 200)
    late = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: late)
    assert refusal_of(await _asked(stage, worker, token))[0] == 401


async def test_the_key_is_there_before_the_first_token(stage: Stage, worker: Worker) -> None:
    def inside() -> list[dict[str, Any]]:
        with tenant_context(stage.tenant.id):
            return public_keys(stage.tenant.id)

    assert len(await in_console(inside)) == 1
    assert len(await in_console(inside)) == 1
