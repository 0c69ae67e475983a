"""What an upstream wants of a call beyond its login is asked for at the next one, and by nobody before."""

import asyncio
import os

import pytest

from core.outbound import Client
from mcp_runtime.sources.credentials import StoredCredentials, VaultReader
from tenants.models import Connection, ConnectionState
from tenants.vault.connections import connection_register
from tenants.vault.oauth.scopes import MAXIMUM_SCOPES
from tests.connecting import Connecting, answer_in

STEP_UP = 'Bearer error="insufficient_scope", scope="mcp:read mcp:write"'


def _refused(connection: Connection, token: str, challenge: str) -> bool:
    """What comes of a refusal of this token: whether to try again."""

    async def run() -> bool:
        async with Client() as http:
            vault = VaultReader(os.environ["DATABASE_URL"], http)
            place = (str(connection.tenant_id), str(connection.holder), connection.destination)
            try:
                return await StoredCredentials(vault, *place).rejected("", token, challenge)
            finally:
                await vault.close()

    return asyncio.run(run())


def _asked(url: str) -> set[str]:
    return set(answer_in(url)["scope"].split())


def test_the_next_login_asks_for_both_and_the_call_goes_through(connecting: Connecting) -> None:
    connection = connecting.connected()
    token = connecting.tokens(connection).access_token
    answer = connecting.upstream.rename(token)
    assert answer.status_code == 403
    asked = connecting.upstream.seen()["refreshes"]
    assert _refused(connection, token, answer.headers["www-authenticate"]) is False
    # The login that is there goes on to do what it does, and renewing it would not help.
    assert connecting.upstream.seen()["refreshes"] == asked
    row = connecting.again(connection)
    assert (row.state, row.scopes, row.further_scopes) == ("connected", "mcp:read offline_access", "mcp:write")
    assert _asked(connecting.start(row)) == {"mcp:read", "mcp:write", "offline_access"}
    stepped_up = connecting.log_in(row)
    assert (stepped_up.scopes, stepped_up.further_scopes) == ("mcp:read offline_access mcp:write", "")
    assert connecting.upstream.rename(connecting.tokens(connection).access_token).status_code == 200
    # Who was refused with the old token is told that there is a better one.
    assert _refused(connection, token, STEP_UP) is True
    assert connecting.again(connection).further_scopes == ""


def test_what_a_401_asks_for_is_asked_for_with_the_login_that_it_takes(connecting: Connecting) -> None:
    connection = connecting.connected()
    token = connecting.tokens(connection).access_token
    assert _refused(connection, token, 'Bearer error="invalid_token", scope="mcp:read mcp:write"') is False
    row = connecting.again(connection)
    assert (row.state, row.further_scopes) == (ConnectionState.NEEDS_LOGIN, "mcp:write")
    assert "mcp:write" in _asked(connecting.start(row))


def test_what_a_provider_does_not_grant_is_asked_for_again(connecting: Connecting) -> None:
    connection = connecting.connected(scopes="mcp:read mcp:write offline_access")
    connecting.aged(connection, 0, scope="mcp:read")
    assert _refused(connection, connecting.tokens(connection).access_token, STEP_UP) is False
    assert connecting.again(connection).further_scopes == "mcp:write"


def test_what_is_asked_for_while_somebody_logs_in_waits_for_the_next_login(connecting: Connecting) -> None:
    connection = connecting.connected()
    url = connecting.start(connection)
    _refused(connection, connecting.tokens(connection).access_token, STEP_UP)
    connecting.finish(url)
    assert connecting.again(connection).further_scopes == "mcp:write"


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        ('Bearer error="insufficient_scope"', ""),
        ('Bearer error="insufficient_scope", scope="mcp:read"', ""),
        ('Bearer error="insufficient_scope", scope="\x01 \\"quoted\\" é mcp:write"', "mcp:write"),
        ('Basic realm="x", error="insufficient_scope", scope="admin"', ""),
    ],
)
def test_a_hostile_challenge_adds_nothing_that_is_no_scope(
    connecting: Connecting, challenge: str, expected: str
) -> None:
    connection = connecting.connected()
    _refused(connection, connecting.tokens(connection).access_token, challenge)
    assert connecting.again(connection).further_scopes == expected


def test_what_an_upstream_asks_for_is_bounded(connecting: Connecting) -> None:
    connection = connecting.connected()
    token = connecting.tokens(connection).access_token
    for start in range(0, 300, 100):
        scopes = " ".join(f"scope{number}" for number in range(start, start + 100))
        _refused(connection, token, f'Bearer error="insufficient_scope", scope="{scopes}"')
    assert len(connecting.again(connection).further_scopes.split()) == MAXIMUM_SCOPES


def test_who_registers_anew_does_so_for_what_is_wanted(connecting: Connecting) -> None:
    connection = connecting.connected()
    _refused(connection, connecting.tokens(connection).access_token, STEP_UP)
    connection_register(actor=connecting.acting(), connection_id=connection.pk)
    assert connecting.log_in(connecting.again(connection)).further_scopes == ""
