"""What a tenant hears of tokens that a worker refused: sums by issuer and check, however many come."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from core.tenancy import tenant_context
from mcp_runtime.authorization.refused_tokens import MAXIMUM_WAITING, RefusedTokens
from mcp_runtime.worker import Worker
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.trusted import NOBODYS, REFUSED_DAYS
from tenants.issuers.services import issuer_remove
from tenants.models import Tenant, TokenRefusal, TrustedIssuer
from tests.conftest import Cast
from tests.mcp_runtime.authorization.test_access_tokens import token_for
from tests.mcp_runtime.authorization.test_trusted_tokens import Idp, _asked, _logins, _settled, idp, trusting
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, in_console
from tests.proving import part
from tests.told_host import host

__all__ = ["host", "idp", "trusting"]
OTHER = RSAKey.generate_key(2048)


@pytest.fixture(autouse=True)
def _written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_runtime.authorization.refused_tokens.PAUSE_SECONDS", 0.01)


async def _told(tenant: Tenant) -> dict[tuple[str, str], int]:
    """How often tokens of an issuer failed a check."""

    def inside() -> dict[tuple[str, str], int]:
        with tenant_context(tenant.pk):
            return {(str(row.issuer_id), row.reason): row.times for row in TokenRefusal.objects.all()}

    return await in_console(inside)


async def _comes_to(tenant: Tenant, expected: dict[tuple[str, str], int]) -> None:
    """Waits for these sums; until the worker knew that the endpoint takes the issuer's tokens it refused some."""

    async def is_told() -> bool:
        return {told: times for told, times in (await _told(tenant)).items() if told[1] != "endpoint"} == expected

    await eventually(is_told)


def _headed(token: str, **header: str) -> str:
    """The token behind another header."""
    return f"{part({'typ': 'at+jwt', 'kid': 'one'} | header)}.{token.partition('.')[2]}"


WRONG: dict[str, Callable[[Idp, Stage], str]] = {
    "exp": lambda idp, stage: idp.token(stage, exp=int(time.time()) - 600),
    "aud": lambda idp, stage: idp.token(stage, aud="https://other.example"),
    "typ": lambda idp, stage: idp.token(stage, {"typ": "JWT"}),
    "kid": lambda idp, stage: idp.token(stage, {"kid": "two"}),
    "alg": lambda idp, stage: _headed(idp.token(stage), alg="RS512"),
    "signature": lambda idp, stage: Idp(idp.host, OTHER, path=idp.path).token(stage),
    "scope": lambda idp, stage: idp.token(stage, scope="openid"),
    "sub": lambda idp, stage: idp.token(stage, sub=""),
}


async def test_each_check_is_told_for_itself(stage: Stage, worker: Worker, trusting: Idp, cast: Cast) -> None:
    row = await stage.change(lambda _actor: TrustedIssuer.objects.get())
    expected = {(str(row.pk), check): 1 for check in WRONG} | {(str(row.pk), "aud"): 3}
    for wrong in (*WRONG.values(), WRONG["aud"], WRONG["aud"]):
        assert (await _asked(stage, worker, wrong(trusting, stage))).status == 401
    await _comes_to(stage.tenant, expected)
    # Neither good ones, nor ours, nor what is no token.
    assert (await _asked(stage, worker, trusting.token(stage))).status == 200
    await _asked(stage, worker, await token_for(stage, exp=1))
    for nothing in ("amk_nothing", "eyJ.e30.x", _headed(trusting.token(stage), crit="x")):
        await _asked(stage, worker, nothing)
    # One of an issuer that nobody here trusts, whatever it calls itself.
    for name in ("one", "two"):
        assert (await _asked(stage, worker, trusting.token(stage, iss=f"https://{name}.example"))).status == 401
    await _comes_to(stage.tenant, expected | {(NOBODYS, "iss"): 2})
    assert await _told(cast.elsewhere) == {}
    await stage.change(lambda actor: issuer_remove(actor=actor, issuer_id=row.pk))
    assert await _told(stage.tenant) == {(NOBODYS, "iss"): 2}


async def test_who_was_put_out_and_where_none_are_taken_is_told(stage: Stage, worker: Worker, trusting: Idp) -> None:
    row = await stage.change(lambda _actor: TrustedIssuer.objects.get())
    token = trusting.token(stage, sub="ada")
    await _settled(stage, worker, token)
    await stage.change(lambda _actor: cut_off(stage.tenant.pk, f"external:{row.pk}:ada", "left"))
    await _settled(stage, worker, token, 401)

    async def is_told(reason: str) -> bool:
        return (await _told(stage.tenant)).get((str(row.pk), reason), 0) > 0

    await eventually(lambda: is_told("cut off"))
    await _logins(stage, "own")
    await _settled(stage, worker, trusting.token(stage, sub="bea"), 401)
    await eventually(lambda: is_told("endpoint"))


async def test_a_tenant_that_trusts_nobody_hears_of_nothing(stage: Stage, worker: Worker, idp: Idp) -> None:
    await _settled(stage, worker, await token_for(stage))
    assert (await _asked(stage, worker, idp.token(stage))).status == 401
    assert await _told(stage.tenant) == {}


async def test_sums_are_added_and_what_is_over_is_forgotten(stage: Stage) -> None:
    issuer, today = str(uuid.uuid4()), datetime.now(UTC)

    def before(days: int) -> None:
        day = (today - timedelta(days=days)).date()
        with tenant_context(stage.tenant.pk):
            said = {"day": day, "reason": "exp", "times": 5, "last_at": today}
            TokenRefusal.objects.create(tenant=stage.tenant, issuer_id=issuer, **said)

    await in_console(lambda: before(REFUSED_DAYS))
    await in_console(lambda: before(REFUSED_DAYS - 1))
    workers = [RefusedTokens(os.environ["DATABASE_URL"]) for _ in range(2)]
    tasks = [asyncio.ensure_future(each.run()) for each in workers]
    for each in workers:
        for number in range(100):
            each.note(str(stage.tenant.pk), issuer, ("aud", "sub")[number % 2])
            await asyncio.sleep(0)
        # Of a tenant that is gone meanwhile: nothing, and the rest goes on.
        each.note(str(uuid.uuid4()), issuer, "aud")

    def rows() -> list[tuple[Any, ...]]:
        with tenant_context(stage.tenant.pk):
            return list(TokenRefusal.objects.order_by("day", "reason").values_list("reason", "times"))

    async def is_added() -> bool:
        return await in_console(rows) == [("exp", 5), ("aud", 100), ("sub", 100)]

    await eventually(is_added)
    for task, each in zip(tasks, workers, strict=True):
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        await each.close()


async def test_kinds_are_bounded_and_nothing_is_lost_while_the_database_is_away(stage: Stage) -> None:
    told = RefusedTokens("postgresql://nobody@127.0.0.1:1/none")
    for number in range(MAXIMUM_WAITING + 10):
        told.note(str(uuid.UUID(int=number)), NOBODYS, "iss")
    told.note(str(uuid.UUID(int=1)), NOBODYS, "iss")
    waiting = dict(told.waiting)
    assert len(waiting) == MAXIMUM_WAITING
    assert sum(waiting.values()) == MAXIMUM_WAITING + 1
    kind = (str(stage.tenant.pk), NOBODYS, "iss")
    few = RefusedTokens("postgresql://nobody@127.0.0.1:1/none")
    few.note(*kind)
    await few.flush()
    few.note(*kind)
    assert dict(few.waiting) == {kind: 2}
