"""Tokens of an issuer that a tenant trusts, at the running worker: who comes in, and every token that does not."""

import hmac
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import Logins, endpoint_update
from mcp_runtime.services.tool_rules import tool_rule_set
from mcp_runtime.worker import Worker
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.jose import PublicKey
from tenants.issuers.keys import keys_renew
from tenants.issuers.services import IssuerFields, issuer_remove, issuer_set
from tenants.models import Group, IssuerWatch, Membership, SsoConnection, SsoIdentity, TrustedIssuer
from tenants.services.tenants import tenant_rename
from tests.conftest import Cast, unique
from tests.mcp_runtime.authorization.test_access_tokens import ORIGIN, token_for
from tests.mcp_runtime.conftest import Stage, make_stage
from tests.mcp_runtime.driving import Answer, eventually, in_console
from tests.proving import Prover, part, signed
from tests.told_host import Host, host

__all__ = ["host"]
PAST = "2026-01-01T00:00Z"


@dataclass
class Idp:
    """A tenant's identity provider, on this machine."""

    host: Host
    key: PublicKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    kid: str = "one"
    path: str = field(default_factory=lambda: f"/{unique('idp')}")

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"{self.host.origin}{self.path}"

    def publishes(self, **more: PublicKey) -> None:
        """Its metadata and its keys: those that sign, and others by name."""
        self.host.says(
            f"{self.path}/.well-known/openid-configuration", {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        )
        keys = [
            {**key.as_dict(private=False), "kid": kid, "use": "sig"}
            for kid, key in ({self.kid: self.key} | more).items()
        ]
        self.host.says(f"{self.path}/jwks", {"keys": keys})

    def token(self, stage: Stage, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good token for the stage's endpoint, but for the changes; None leaves out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "somebody", "aud": f"{ORIGIN}{stage.path}", "exp": now + 600, "iat": now,
            "scope": "mcp:call",
        } | changes  # fmt: skip
        said = {"alg": "RS256", "kid": self.kid, "typ": "at+jwt"} | (header or {})
        return signed(_there(said), _there(claims), self.key)


def _there(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


@pytest.fixture
def idp(host: Host) -> Idp:
    """One that publishes its key."""
    made = Idp(host)
    made.publishes()
    return made


async def _trust(stage: Stage, idp: Idp, *, logins: str = "both", **changes: Any) -> TrustedIssuer:
    fields = IssuerFields(**({"name": unique("idp"), "issuer": idp.issuer} | changes))

    def inside() -> TrustedIssuer:
        with tenant_context(stage.tenant.pk):
            actor = stage.actor
        return issuer_set(actor=actor, fields=fields)

    row = await in_console(inside)
    await _logins(stage, logins)
    return row


async def _logins(stage: Stage, at: str) -> None:
    await stage.change(
        lambda actor: endpoint_update(
            actor=actor,
            endpoint_slug=stage.endpoint.slug,
            name=stage.endpoint.name,
            instructions="",
            access="key",
            allowed_origins=[],
            logins=Logins(at=at),
        )
    )


async def _asked(stage: Stage, worker: Worker, token: str, method: str = "tools/list", **params: Any) -> Answer:
    return await stage.client(worker, key=token).modern(method, params)


async def _settled(stage: Stage, worker: Worker, token: str, status: int = 200) -> None:
    async def answers() -> bool:
        return (await _asked(stage, worker, token)).status == status

    await eventually(answers)


@pytest.fixture
async def trusting(stage: Stage, worker: Worker, idp: Idp) -> Idp:
    """The provider, which the stage's tenant and endpoint trust, as the worker knows."""
    await _trust(stage, idp)
    await _settled(stage, worker, idp.token(stage))
    return idp


async def test_a_token_of_the_issuer_calls_and_ours_do_too(stage: Stage, worker: Worker, trusting: Idp) -> None:
    called = await _asked(stage, worker, trusting.token(stage), "tools/call", name="echo", arguments={})
    assert "result" in called.json
    await _settled(stage, worker, await token_for(stage))
    told = await stage.client(worker).send("GET", path=f"/.well-known/oauth-protected-resource{stage.path}")
    assert told.json["authorization_servers"] == [f"http://localhost:8000/oauth/{stage.tenant.id}", trusting.issuer]


async def test_an_endpoint_takes_those_that_it_is_set_to(stage: Stage, worker: Worker, trusting: Idp) -> None:
    await _logins(stage, "trusted")
    await _settled(stage, worker, await token_for(stage), 401)
    assert (await _asked(stage, worker, trusting.token(stage))).status == 200
    await _logins(stage, "own")
    await _settled(stage, worker, await token_for(stage), 200)
    assert (await _asked(stage, worker, trusting.token(stage))).status == 401


_BAD: list[dict[str, Any]] = [
    {"iss": "https://other.example"}, {"iss": None}, {"iss": ["x"]},
    {"sub": None}, {"sub": ""}, {"sub": 7},
    {"aud": None}, {"aud": []}, {"aud": 7}, {"aud": ""}, {"aud": "any"}, {"aud": [7, "x"]}, {"aud": {"x": 1}},
    {"aud": f"{ORIGIN}/t/x/y/mcp"}, {"aud": ORIGIN}, {"aud": ["https://other.example/mcp"]},
    {"aud": f"{ORIGIN}.evil.example"},
    {"exp": None}, {"exp": 1}, {"exp": "2100"}, {"exp": True}, {"exp": 10**30}, {"exp": 4_102_444_800},
    {"iat": 4_102_444_800}, {"iat": "x"}, {"nbf": 4_102_444_800}, {"nbf": -1},
    {"scope": None}, {"scope": ""}, {"scope": "openid profile"}, {"scope": {"mcp:call": 1}}, {"scope": "mcp:callx"},
    {"nonce": "n"}, {"at_hash": "x"}, {"events": {}},
    {"cnf": {"x5t#S256": "x"}}, {"cnf": "x"}, {"cnf": {"jkt": ""}}, {"cnf": {"jkt": "bound"}},
]  # fmt: skip


async def test_a_token_that_is_not_good_here_is_refused(stage: Stage, worker: Worker, trusting: Idp) -> None:
    for changes in _BAD:
        answer = await _asked(stage, worker, trusting.token(stage, **changes))
        assert (changes, answer.status) == (changes, 401)
        assert "resource_metadata=" in answer.headers["www-authenticate"]


_HEADERS: list[dict[str, Any]] = [
    {"typ": "JWT"}, {"typ": None}, {"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"typ": "oauth-id-jag+jwt"}, {"typ": 7},
    {"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "PS256"}, {"alg": None}, {"alg": ["RS256"]},
    {"kid": None, "typ": "JWT"}, {"kid": "two"}, {"kid": "../../one"}, {"kid": "one' OR '1'='1"},
    {"kid": 1}, {"kid": ""},
    {"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]},
]  # fmt: skip


async def test_a_token_with_another_header_is_refused(stage: Stage, worker: Worker, trusting: Idp) -> None:
    good = trusting.token(stage)
    _, claims, signature = good.split(".")
    own = RSAKey.generate_key(2048)
    for header in _HEADERS:
        said = part(_there({"alg": "RS256", "kid": "one", "typ": "at+jwt"} | header))
        for end in (signature, ""):
            assert (header, (await _asked(stage, worker, f"{said}.{claims}.{end}")).status) == (header, 401)
    pointing = {
        "jku": f"{trusting.issuer}/jwks", "x5u": f"{trusting.issuer}/x5u", "jwk": own.as_dict(private=False),
        "x5c": ["AAAA"],
    }  # fmt: skip
    asked = len(trusting.host.asked)
    forged = Idp(trusting.host, own, "one", trusting.path)
    for name, value in pointing.items():
        assert (await _asked(stage, worker, forged.token(stage, {name: value}))).status == 401
    assert len(trusting.host.asked) == asked


async def test_the_public_key_is_no_shared_secret_and_nobody_elses_signature_counts(
    stage: Stage, worker: Worker, trusting: Idp
) -> None:
    _, claims, signature = trusting.token(stage).split(".")
    header = part({"alg": "HS256", "kid": "one", "typ": "at+jwt"})
    secret = trusting.key.as_pem(private=False)
    confused = part(hmac.digest(secret, f"{header}.{claims}".encode(), "sha256"))
    good = part({"alg": "RS256", "kid": "one", "typ": "at+jwt"})
    twice = part(b'{"iss":"x","iss":"%b"}' % trusting.issuer.encode())
    wrong = [
        f"{header}.{claims}.{confused}",
        f"{good}.{part({'sub': 'x'})}.{signature}",
        f"{good}.{twice}.{signature}",
        f"{good}.{claims}.{signature[:-4]}AAAA",
        f"{good}.{part(b'[' * 3_000)}.{signature}",
        Idp(trusting.host, RSAKey.generate_key(2048), "one", trusting.path).token(stage),
        trusting.token(stage, padding="x" * 9_000),
    ]
    for token in wrong:
        assert (await _asked(stage, worker, token)).status == 401


async def test_one_tenants_token_opens_nothing_of_anothers_that_trusts_the_same_issuer(
    stage: Stage, worker: Worker, trusting: Idp, cast: Cast
) -> None:
    stranger = await in_console(lambda: make_stage(cast.elsewhere, cast.charlie))
    await _trust(stranger, trusting)
    await _settled(stranger, worker, trusting.token(stranger))
    sibling = await in_console(lambda: make_stage(stage.tenant, stage.owner))
    namesake = f"{ORIGIN}{stage.path}".replace(stage.tenant.slug, stranger.tenant.slug)
    assert (await _asked(stage, worker, trusting.token(stage, aud=namesake))).status == 401
    await _logins(sibling, "both")
    await _settled(sibling, worker, trusting.token(sibling))
    for here, there in ((stage, stranger), (stranger, stage), (stage, sibling), (sibling, stranger)):
        assert (await _asked(here, worker, trusting.token(there))).status == 401


async def test_a_new_name_of_the_tenant_is_in_audiences_at_once_and_the_former_stays(
    stage: Stage, worker: Worker, trusting: Idp
) -> None:
    slug = unique("renamed")
    renamed = f"{ORIGIN}{stage.path}".replace(stage.tenant.slug, slug)
    assert (await _asked(stage, worker, trusting.token(stage, aud=renamed))).status == 401
    await stage.change(lambda actor: tenant_rename(actor=actor, name="Renamed", slug=slug))
    await _settled(stage, worker, trusting.token(stage, aud=renamed))
    assert (await _asked(stage, worker, trusting.token(stage))).status == 200


async def test_what_the_issuer_may_do_ends_with_it_on_open_streams_too(stage: Stage, worker: Worker, idp: Idp) -> None:
    row = await _trust(stage, idp)
    token = idp.token(stage)
    await _settled(stage, worker, token)
    client = stage.client(worker, key=token)
    await client.initialize()
    stream = client.open("GET")
    assert await stream.start() == 200
    await stage.change(lambda actor: issuer_remove(actor=actor, issuer_id=row.pk))
    with pytest.raises(EOFError):
        await stream.frame()
    assert (await _asked(stage, worker, token)).status == 401


async def test_a_new_key_is_known_within_a_renewal_that_an_unknown_name_brings_forward(
    stage: Stage, worker: Worker, trusting: Idp
) -> None:
    row = await stage.change(lambda _actor: TrustedIssuer.objects.get(issuer=trusting.issuer))
    former = trusting.token(stage)
    later = Idp(trusting.host, ECKey.generate_key("P-256"), "two", trusting.path)
    trusting.publishes(two=later.key)
    token = later.token(stage, {"alg": "ES256"})
    assert (await _asked(stage, worker, token)).status == 401

    async def is_asked_for() -> bool:
        watch = await in_console(lambda: IssuerWatch.objects.get(issuer_id=row.pk))
        return watch.wake_at.timestamp() <= time.time()

    await eventually(is_asked_for)
    await in_console(lambda: keys_renew(stage.tenant.pk, row.pk))
    await _settled(stage, worker, token)
    assert (await _asked(stage, worker, former)).status == 200
    trusting.host.says(f"{trusting.path}/jwks", {}, status=503)
    await in_console(lambda: keys_renew(stage.tenant.pk, row.pk))
    kept = await stage.change(lambda _actor: TrustedIssuer.objects.get(pk=row.pk))
    assert "503" in kept.last_error
    assert [key["kid"] for key in kept.keys] == ["one", "two"]
    assert (await _asked(stage, worker, token)).status == 200


async def test_a_member_by_sso_is_put_out_with_their_membership(
    stage: Stage, worker: Worker, idp: Idp, cast: Cast
) -> None:
    def known() -> SsoConnection:
        with tenant_context(stage.tenant.pk):
            connection = SsoConnection.objects.create(tenant=stage.tenant, name=unique("sso"), kind="oidc")
            SsoIdentity.objects.create(
                tenant=stage.tenant,
                connection=connection,
                subject="bob",
                user=cast.bob,
                last_login_at="2026-01-01T00:00Z",
            )
            return connection

    connection = await in_console(known)
    await _trust(stage, idp, people="sso", connection_id=connection.pk)
    token = idp.token(stage, sub="bob")
    await _settled(stage, worker, token)
    assert (await _asked(stage, worker, idp.token(stage))).status == 401
    client = stage.client(worker, key=token)
    await client.initialize()
    stream = client.open("GET")
    assert await stream.start() == 200
    await stage.change(lambda _actor: Membership.objects.filter(user=cast.bob).update(role="viewer"))
    with pytest.raises(EOFError):
        await stream.frame()
    refused = await _asked(stage, worker, token, "tools/call", name="echo", arguments={})
    assert refused.status == 403
    await stage.change(lambda _actor: Membership.objects.filter(user=cast.bob).update(deactivated_at=PAST))
    await _settled(stage, worker, token, 401)
    assert (await _asked(stage, worker, idp.token(stage, sub="bob", jti=uuid.uuid4().hex))).status == 401


async def test_what_was_cut_off_stays_so_for_tokens_that_do_not_say_when_they_were_issued(
    stage: Stage, worker: Worker, trusting: Idp
) -> None:
    row = await stage.change(lambda _actor: TrustedIssuer.objects.get(issuer=trusting.issuer))
    await _settled(stage, worker, trusting.token(stage, iat=None))
    await stage.change(lambda _actor: cut_off(stage.tenant.pk, f"external:{row.pk}:somebody", "left"))
    await _settled(stage, worker, trusting.token(stage, iat=None), 401)
    assert (await _asked(stage, worker, trusting.token(stage, sub="other", iat=None))).status == 200
    assert (await _asked(stage, worker, trusting.token(stage, iat=int(time.time()) + 5))).status == 200


async def test_claims_mean_what_the_tenant_says(stage: Stage, worker: Worker, idp: Idp) -> None:
    def grouped() -> Group:
        with tenant_context(stage.tenant.pk):
            return Group.objects.create(tenant=stage.tenant, name=unique("group"))

    group = await in_console(grouped)
    await _trust(
        stage, idp, takes_plain=True, audience="api://tools", scope_claim="roles", scopes={"Caller": "mcp:call"},
        default_scope="mcp:read", groups_claim="groups", groups={"eng": str(group.pk)},
    )  # fmt: skip
    base: dict[str, Any] = {"aud": ["x", "api://tools"], "scope": None}
    called = idp.token(stage, {"typ": "JWT"}, roles=["Caller"], groups=["eng", "x"], **base)
    await _settled(stage, worker, called)
    read = await _asked(stage, worker, idp.token(stage, **base), "tools/call", name="echo", arguments={})
    assert read.status == 403
    assert (await _asked(stage, worker, idp.token(stage))).status == 401
    await stage.change(
        lambda actor: tool_rule_set(
            actor=actor, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=["echo"]
        )
    )

    async def sees(token: str, names: list[str]) -> bool:
        answer = await _asked(stage, worker, token)
        return [tool["name"] for tool in answer.json["result"]["tools"]] == names

    async def is_ruled() -> bool:
        return await sees(called, ["echo"])

    await eventually(is_ruled)
    assert await sees(idp.token(stage, **base), [])


async def test_a_token_that_its_issuer_bound_to_a_key_needs_its_proof(
    stage: Stage, worker: Worker, trusting: Idp
) -> None:
    prover = Prover()
    token = trusting.token(stage, cnf={"jkt": prover.thumbprint})
    assert (await _asked(stage, worker, token)).status == 401
    proof = prover.proof(f"{ORIGIN}{stage.path}", token=token)
    named: dict[str, Any] = {"authorization": f"DPoP {token}", "dpop": proof}
    assert (await stage.client(worker).modern("tools/list", **named)).status == 200
