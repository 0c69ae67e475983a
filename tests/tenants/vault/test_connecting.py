"""A person connects an upstream at a real provider: found, registered, logged into, and only by who began it."""

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Connection, ConnectionState, Login, OAuthClient, Role
from tenants.vault.logins import login_finish
from tests.connecting import BROWSER, Connecting, answer_in
from tests.dumps import tables_holding


def test_a_login_ends_with_a_token_that_the_server_takes(connecting: Connecting) -> None:
    connection = connecting.connected()
    assert connection.state == ConnectionState.CONNECTED
    assert connection.resource == connecting.upstream.mcp
    got = connecting.tokens(connection)
    assert connecting.upstream.call(got.access_token).status_code == 200
    assert got.refresh_token


def test_the_request_is_as_mcp_says(connecting: Connecting) -> None:
    asked = parse_qs(urlsplit(connecting.start(connecting.prepared())).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["resource"] == [connecting.upstream.mcp]
    assert asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == ["http://localhost:8000/connections/callback"]
    assert set(asked["scope"][0].split()) == {"mcp:read", "offline_access"}


def test_no_token_is_readable_in_the_database(connecting: Connecting) -> None:
    got = connecting.tokens(connecting.connected())
    assert tables_holding(got.access_token) == []
    assert tables_holding(got.refresh_token) == []


def test_no_token_or_code_is_logged_or_shown(connecting: Connecting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    got = connecting.tokens(connecting.connected())
    assert got.access_token not in caplog.text
    assert got.refresh_token not in caplog.text
    assert got.access_token not in repr(got)


def test_a_tenant_is_registered_once_at_a_provider(connecting: Connecting) -> None:
    connecting.connected()
    connecting.connected()
    with tenant_context(connecting.cast.tenant.id):
        assert OAuthClient.objects.count() == 1


def test_an_answer_counts_once(connecting: Connecting) -> None:
    connection = connecting.prepared()
    answer = answer_in(connecting.upstream.log_in(connecting.start(connection)))
    login_finish(user=connecting.cast.alice, browser=BROWSER, answer=answer)
    with pytest.raises(Refused) as refused:
        login_finish(user=connecting.cast.alice, browser=BROWSER, answer=answer)
    assert refused.value.refusal is refusals.LOGIN_REFUSED
    assert connecting.again(connection).state == ConnectionState.CONNECTED


def test_an_answer_counts_in_the_browser_and_for_the_person_that_asked(connecting: Connecting) -> None:
    connection = connecting.prepared()
    answer = answer_in(connecting.upstream.log_in(connecting.start(connection)))
    cast = connecting.cast
    for user, browser in ((cast.alice, "another browser"), (cast.bob, BROWSER), (cast.charlie, BROWSER)):
        with pytest.raises(Refused) as refused:
            login_finish(user=user, browser=browser, answer=answer)
        assert refused.value.refusal is refusals.LOGIN_REFUSED
    assert connecting.again(connection).state == ConnectionState.NEEDS_LOGIN


@pytest.mark.parametrize("state", ["", "x", "A" * 65, "\u00e9" * 30])
def test_a_state_of_nobodys_is_refused(connecting: Connecting, state: str) -> None:
    with pytest.raises(Refused) as refused:
        login_finish(user=connecting.cast.alice, browser=BROWSER, answer={"state": state, "code": "x"})
    assert refused.value.refusal is refusals.LOGIN_REFUSED


def test_a_late_answer_is_refused(connecting: Connecting) -> None:
    connection = connecting.prepared()
    answer = answer_in(connecting.upstream.log_in(connecting.start(connection)))
    with tenant_context(connecting.cast.tenant.id):
        Login.objects.filter(connection=connection).update(expires_at=timezone.now())
    with pytest.raises(Refused):
        login_finish(user=connecting.cast.alice, browser=BROWSER, answer=answer)


def test_an_answer_of_another_issuers_is_refused_before_its_code_is_used(connecting: Connecting) -> None:
    before = connecting.upstream.seen()["refreshes"]
    for change in ({"iss": "https://other.example.com"}, {"iss": f"{connecting.upstream.issuer}/"}, {"iss": None}):
        connection = connecting.prepared()
        answer = answer_in(connecting.upstream.log_in(connecting.start(connection))) | change
        told = {name: value for name, value in answer.items() if value is not None}
        with pytest.raises(Refused) as refused:
            login_finish(user=connecting.cast.alice, browser=BROWSER, answer=told)
        assert refused.value.refusal is refusals.LOGIN_REFUSED
    assert connecting.upstream.seen()["refreshes"] == before


def test_a_login_that_the_person_declines_says_so(connecting: Connecting) -> None:
    connection = connecting.prepared()
    asked = parse_qs(urlsplit(connecting.start(connection)).query)
    answer = {"state": asked["state"][0], "error": "access_denied", "iss": connecting.upstream.issuer}
    with pytest.raises(Refused) as refused:
        login_finish(user=connecting.cast.alice, browser=BROWSER, answer=answer)
    assert refused.value.refusal is refusals.PROVIDER_REFUSED
    assert "access_denied" in connecting.again(connection).last_error


def test_a_provider_that_is_away_is_said_to_be(connecting: Connecting) -> None:
    connection = connecting.prepared()
    answer = answer_in(connecting.upstream.log_in(connecting.start(connection)))
    connecting.upstream.ask(away=True)
    with pytest.raises(Refused) as refused:
        login_finish(user=connecting.cast.alice, browser=BROWSER, answer=answer)
    assert refused.value.refusal is refusals.PROVIDER_REFUSED
    with pytest.raises(Refused):
        connecting.prepared()
    assert connecting.again(connection).state == ConnectionState.NEEDS_LOGIN


def test_who_left_meanwhile_connects_nothing(connecting: Connecting) -> None:
    bob = connecting.acting(connecting.cast.bob)
    connection = connecting.prepared(bob)
    answer = answer_in(connecting.upstream.log_in(connecting.start(connection, bob)))
    with tenant_context(connecting.cast.tenant.id):
        connecting.cast.bob.memberships.all().delete()
    with pytest.raises(Refused) as refused:
        login_finish(user=connecting.cast.bob, browser=BROWSER, answer=answer)
    assert refused.value.refusal is refusals.PERMISSION_DENIED


def test_several_accounts_have_labels_and_one_is_chosen(connecting: Connecting) -> None:
    holder = uuid.uuid4()
    first = connecting.connected(holder=holder, label="work")
    second = connecting.connected(holder=holder, label="home")
    assert (first.is_chosen, second.is_chosen) == (True, False)
    with pytest.raises(Refused) as refused:
        connecting.prepared(holder=holder, label="home")
    assert refused.value.refusal is refusals.CONFLICT


def test_charlie_finds_none_of_alices(connecting: Connecting) -> None:
    connection = connecting.prepared()
    with tenant_context(connecting.cast.elsewhere.id):
        assert not Connection.objects.exists()
    charlie = connecting.cast.acting(connecting.cast.charlie, connecting.cast.elsewhere)
    with pytest.raises(Refused) as refused:
        connecting.start(connection, charlie)
    assert refused.value.refusal is refusals.NOT_FOUND


def test_a_members_own_connection_is_nobody_elses(connecting: Connecting) -> None:
    connection = connecting.prepared(connecting.acting(connecting.cast.bob), personal=True)
    dora = connecting.cast.join("dora", Role.DEVELOPER)
    with pytest.raises(Refused) as refused:
        connecting.start(connection, connecting.acting(dora))
    assert refused.value.refusal is refusals.NOT_FOUND
