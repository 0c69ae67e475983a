"""Tokens stay fresh: renewed once for all processes, used until they end, and honest when nothing helps."""

import asyncio
import dataclasses
import os
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from joserfc.jwk import ECKey, OKPKey, RSAKey

from core.outbound import Client
from core.tenancy import tenant_context
from mcp_runtime.connections import tokens as tokens_module
from mcp_runtime.sources.credentials import StoredCredentials, VaultReader
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.models import Connection, ConnectionState, GrantType, Revocation
from tenants.vault.clients import entered_registration
from tenants.vault.revocations import connection_disconnect
from tenants.vault.rotation import tenant_key_destroy, tenant_key_rotate
from tests.connecting import Connecting
from tests.dumps import tables_holding
from tests.mcp_runtime.driving import in_console
from tests.oidc_provider.process import upstream_running
from tests.processes import eventually
from tests.servers import ROOT

HOUR = 3600.0
BOUND_SECONDS = 60
PROCESSES = 5


def _with(connection: Connection, act: Callable[[StoredCredentials], Awaitable[object]]) -> object:
    """What `act` gives with the credentials of the connection's holder, in a loop of its own."""

    async def run() -> object:
        async with Client() as http:
            vault = VaultReader(os.environ["DATABASE_URL"], http)
            place = (str(connection.tenant_id), str(connection.holder), connection.destination)
            try:
                return await asyncio.wait_for(act(StoredCredentials(vault, *place)), BOUND_SECONDS)
            finally:
                await vault.close()

    return asyncio.run(run())


def _token(connection: Connection, principal: str = "") -> object:
    return _with(connection, lambda credentials: credentials.token(principal))


def _failure(connection: Connection, principal: str = "") -> UpstreamFailed:
    with pytest.raises(UpstreamFailed) as failed:
        _token(connection, principal)
    return failed.value


def _grants(connecting: Connecting) -> int:
    count: int = connecting.upstream.seen()["grants"].get("refresh_token", 0)
    return count


def test_a_fresh_token_is_used_as_it_is(connecting: Connecting) -> None:
    connection, before = connecting.connected(), connecting.upstream.seen()["refreshes"]
    assert _token(connection) == connecting.tokens(connection).access_token
    assert connecting.upstream.seen()["refreshes"] == before + 0


def test_a_token_that_ran_out_is_renewed_and_its_refresh_token_replaced(connecting: Connecting) -> None:
    connection = connecting.connected()
    old = connecting.aged(connection, HOUR)
    token = _token(connection)
    assert connecting.upstream.call(str(token)).status_code == 200
    new = connecting.tokens(connection)
    assert (new.access_token, new.refresh_token != old.refresh_token) == (token, True)
    connecting.aged(connection, HOUR)
    assert connecting.upstream.call(str(_token(connection))).status_code == 200


@pytest.mark.system
def test_many_processes_at_once_renew_a_token_once(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    connecting.upstream.ask(delay=1500)
    asked, granted = connecting.upstream.seen()["refreshes"], _grants(connecting)
    program = [sys.executable, "-m", "tests.mcp_runtime.connections.asking_program"]
    place = [str(connection.tenant_id), str(connection.holder), connection.destination]
    running = [
        subprocess.Popen([*program, *place], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    said = [process.communicate(timeout=BOUND_SECONDS)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    assert said == [connecting.tokens(connection).access_token] * PROCESSES
    assert (connecting.upstream.seen()["refreshes"] - asked, _grants(connecting) - granted) == (1, 1)


def test_many_calls_of_one_process_renew_a_token_once(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    asked = connecting.upstream.seen()["refreshes"]

    async def all_at_once(credentials: StoredCredentials) -> set[str | None]:
        return set(await asyncio.gather(*(credentials.token("") for _ in range(50))))

    assert _with(connection, all_at_once) == {connecting.tokens(connection).access_token}
    assert connecting.upstream.seen()["refreshes"] - asked == 1


def test_a_token_that_ends_soon_is_used_while_it_is_renewed(connecting: Connecting) -> None:
    connection = connecting.connected()
    old = connecting.aged(connection, HOUR - 30)
    connecting.upstream.ask(delay=500)
    assert _token(connection) == old.access_token
    assert connecting.tokens(connection).access_token != old.access_token


def test_a_token_that_ends_soon_is_used_while_the_provider_is_away(connecting: Connecting) -> None:
    connection = connecting.connected()
    old = connecting.aged(connection, HOUR - 30)
    connecting.upstream.ask(away=True)
    assert _token(connection) == old.access_token
    assert _token(connection) == old.access_token
    assert connecting.again(connection).state == ConnectionState.CONNECTED


def test_an_outage_of_the_provider_passes(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    connecting.upstream.ask(away=True)
    assert _failure(connection).health is Health.DOWN
    asked = connecting.upstream.seen()["refreshes"]
    assert _failure(connection).health is Health.DOWN  # and the provider is not asked again at once
    assert connecting.upstream.seen()["refreshes"] == asked
    connecting.upstream.ask(away=False)
    _rested(connection)
    assert connecting.upstream.call(str(_token(connection))).status_code == 200


def _rested(connection: Connection) -> None:
    with tenant_context(connection.tenant_id):
        Connection.objects.filter(pk=connection.pk).update(retry_at=timezone.now() - timedelta(seconds=1))


def test_a_refresh_token_that_was_used_elsewhere_needs_a_login(connecting: Connecting) -> None:
    connection = connecting.connected()
    stale = connecting.aged(connection, HOUR)
    _token(connection)
    connecting.aged(connection, HOUR, refresh_token=stale.refresh_token)
    failed = _failure(connection)
    assert failed.health is Health.NEEDS_LOGIN
    assert "invalid_grant" in str(failed)
    row = connecting.again(connection)
    assert (row.state, row.sealed) == (ConnectionState.NEEDS_LOGIN, "")


def test_without_a_refresh_token_the_end_of_a_token_needs_a_login(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR, refresh_token="")
    assert _failure(connection).health is Health.NEEDS_LOGIN


def test_a_process_that_died_while_it_renewed_holds_nobody_up_for_long(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    with tenant_context(connection.tenant_id):
        held_until = timezone.now() + timedelta(seconds=1)
        Connection.objects.filter(pk=connection.pk).update(refreshing_until=held_until, attempt=77)
    assert connecting.upstream.call(str(_token(connection))).status_code == 200


def test_a_provider_that_heard_and_was_not_heard_leads_to_a_login(connecting: Connecting) -> None:
    """A crash between the provider's answer and our storing it: the refresh token is gone, and that is said."""
    connection = connecting.connected()
    old = connecting.aged(connection, HOUR)
    _spend(connecting, connection, old.refresh_token)
    assert _failure(connection).health is Health.NEEDS_LOGIN


def _spend(connecting: Connecting, connection: Connection, refresh_token: str) -> None:
    _token(connection)
    connecting.aged(connection, HOUR, refresh_token=refresh_token)


def test_what_is_disconnected_while_it_is_renewed_is_revoked(connecting: Connecting) -> None:
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    connecting.upstream.ask(delay=1500)
    asked = connecting.upstream.seen()["refreshes"]

    async def disconnected_meanwhile(credentials: StoredCredentials) -> object:
        asking = asyncio.create_task(credentials.token(""))
        await asyncio.to_thread(eventually, lambda: connecting.upstream.seen()["refreshes"] > asked)
        await in_console(lambda: _disconnect(connecting, connection))
        (outcome,) = await asyncio.gather(asking, return_exceptions=True)
        return outcome

    failed = _with(connection, disconnected_meanwhile)
    assert isinstance(failed, UpstreamFailed)
    assert failed.health is Health.NEEDS_LOGIN
    with tenant_context(connection.tenant_id):
        reasons = {receipt.reason for receipt in Revocation.objects.filter(connection_id=connection.pk)}
    assert reasons == {"disconnected", "came after it was disconnected"}
    assert connecting.again(connection).state == ConnectionState.REVOKED


def _disconnect(connecting: Connecting, connection: Connection) -> None:
    with tenant_context(connection.tenant_id):
        connection_disconnect(
            actor=connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant),
            connection_id=connection.pk,
        )


def test_a_token_that_the_upstream_rejects_is_renewed_once_for_all(connecting: Connecting) -> None:
    connection = connecting.connected()
    old = connecting.aged(connection, 100)
    asked = connecting.upstream.seen()["refreshes"]

    async def all_rejected(credentials: StoredCredentials) -> list[bool]:
        return await asyncio.gather(*(credentials.rejected("", old.access_token, "Bearer") for _ in range(20)))

    assert _with(connection, all_rejected) == [True] * 20
    assert connecting.upstream.seen()["refreshes"] - asked == 1
    assert _token(connection) != old.access_token


def test_a_token_that_was_revoked_at_the_provider_needs_a_login_after_one_probe(connecting: Connecting) -> None:
    connection = connecting.connected()
    old = connecting.aged(connection, 100)
    _revoke_at_provider(connecting, connection, old.refresh_token)
    assert connecting.upstream.call(old.access_token).status_code == 401
    with pytest.raises(UpstreamFailed) as failed:
        _with(connection, lambda credentials: credentials.rejected("", old.access_token, "Bearer"))
    assert failed.value.health is Health.NEEDS_LOGIN
    assert connecting.again(connection).state == ConnectionState.NEEDS_LOGIN


def _revoke_at_provider(connecting: Connecting, connection: Connection, token: str) -> None:
    known = connecting.client(connection)
    form = {"token": token, "client_id": known.client_id, "client_secret": known.secret}
    httpx.post(f"{connecting.upstream.issuer}/token/revocation", data=form).raise_for_status()


def test_a_fresh_token_that_the_upstream_rejects_is_not_renewed_for_ever(connecting: Connecting) -> None:
    connection, asked = connecting.connected(), connecting.upstream.seen()["refreshes"]
    token = connecting.tokens(connection).access_token
    assert _with(connection, lambda credentials: credentials.rejected("", token, "Bearer")) is False
    assert connecting.upstream.seen()["refreshes"] == asked
    assert _failure(connection).health is Health.NEEDS_LOGIN


def test_a_token_goes_to_the_address_it_was_got_for_alone(connecting: Connecting) -> None:
    connection = connecting.connected()
    connection.destination = "https://evil.example.net"
    assert _failure(connection).health is Health.NEEDS_LOGIN


def test_a_member_has_their_own_token_and_others_the_tenants(connecting: Connecting) -> None:
    holder, bob = uuid.uuid4(), connecting.cast.bob
    own = connecting.connected(bob, holder=holder, personal=True)
    assert _failure(own, f"member:{connecting.cast.alice.pk}").health is Health.NEEDS_LOGIN
    shared = connecting.connected(holder=holder)
    assert _token(own, f"member:{bob.pk}") == connecting.tokens(own).access_token
    for principal in ("", f"member:{connecting.cast.alice.pk}", f"key:{bob.pk}"):
        assert _token(own, principal) == connecting.tokens(shared).access_token


def test_a_holder_without_connections_has_no_token(connecting: Connecting) -> None:
    connection = connecting.connected()
    connection.holder = uuid.uuid4()
    assert _token(connection) is None


def test_client_credentials_are_renewed_without_anybody(connecting: Connecting) -> None:
    shared = connecting.connected()
    entered = entered_registration(client_id=connecting.upstream.machine_id, secret=connecting.upstream.machine_secret)
    connection = connecting.prepared(grant_type=GrantType.CLIENT, scopes="mcp:read", entered=entered)
    assert connection.state == ConnectionState.CONNECTED
    assert shared.pk != connection.pk
    old = connecting.aged(connection, HOUR)
    token = _token(connection)
    assert token != old.access_token
    assert connecting.upstream.call(str(token)).status_code == 200


def test_a_token_is_exchanged_for_another_and_again_when_it_ran_out(connecting: Connecting) -> None:
    entered = entered_registration(client_id="known", secret="known-secret")
    subject = connecting.connected(entered=entered)
    connection = connecting.prepared(grant_type=GrantType.EXCHANGE, subject=subject.pk, scopes="mcp:read")
    first = _token(connection)
    assert first != connecting.tokens(subject).access_token
    assert connecting.upstream.call(str(first)).json() == connecting.upstream.call(str(_token(subject))).json()
    connecting.aged(connection, HOUR)
    connecting.aged(subject, HOUR)
    second = _token(connection)
    assert second != first
    assert connecting.upstream.call(str(second)).status_code == 200
    _disconnect(connecting, subject)
    assert _failure(connection).health is Health.NEEDS_LOGIN


def test_a_client_proves_itself_with_a_signature(connecting: Connecting, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ECKey.generate_key("P-256"), RSAKey.generate_key(2048), OKPKey.generate_key("Ed25519")):
        signer = {
            "client_id": "signer",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [kind.as_dict(private=False)]},
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "response_types": [],
            "scope": "mcp:read",
        }
        with upstream_running(clients=[signer]) as running:
            monkeypatch.setenv("OUTBOUND_ALLOW", running.allowed)
            elsewhere = dataclasses.replace(connecting, upstream=running)
            pem = kind.as_pem(private=True).decode()
            entered = entered_registration(client_id="signer", secret=pem, auth_method="private_key_jwt")
            connection = elsewhere.prepared(grant_type=GrantType.CLIENT, scopes="mcp:read", entered=entered)
            assert running.call(elsewhere.tokens(connection).access_token).status_code == 200
            assert tables_holding(pem.splitlines()[1]) == []


def test_a_rotated_key_changes_nothing_and_a_destroyed_one_needs_a_login(connecting: Connecting) -> None:
    connection = connecting.connected()
    token = _token(connection)
    tenant_key_rotate(slug=connecting.cast.tenant.slug)
    assert _token(connection) == token
    tenant_key_destroy(slug=connecting.cast.tenant.slug)
    assert _failure(connection).health is Health.NEEDS_LOGIN


def test_no_renewed_token_is_readable_or_logged(connecting: Connecting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    connection = connecting.connected()
    connecting.aged(connection, HOUR)
    token = str(_token(connection))
    assert tables_holding(token) == []
    assert token not in caplog.text
    assert token not in repr(vars(tokens_module))
