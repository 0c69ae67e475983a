"""Who is let in: keys and tickets, and every way in which they are refused."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from core import tickets
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, make_stage
from tests.mcp_runtime.driving import request, whole
from tests.mcp_runtime.transports.test_doors import refusal_of

LIST = request("tools/list")


async def test_without_a_key_the_challenge_names_no_error(stage: Stage, worker: Worker) -> None:
    answer = await stage.client(worker, key=None).modern("tools/list")
    assert refusal_of(answer) == (401, "authentication_required")
    metadata = f"http://localhost:8100/.well-known/oauth-protected-resource{stage.path}"
    assert answer.headers["www-authenticate"] == f'Bearer realm="mcp", resource_metadata="{metadata}", scope="mcp:call"'


@pytest.mark.parametrize(
    "presented",
    ["Bearer amk_wrong", "Bearer", "Bearer ", "Basic dTpw", "amk_x", "Bearer \xff", "Bearer amt_x.y", "Bearer amt_"],
)
async def test_a_wrong_key_is_an_invalid_token(stage: Stage, worker: Worker, presented: str) -> None:
    answer = await stage.client(worker).modern("tools/list", authorization=presented)
    assert refusal_of(answer) == (401, "invalid_credentials")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("verb", ["GET", "DELETE", "POST"])
async def test_every_verb_needs_the_key(stage: Stage, worker: Worker, verb: str) -> None:
    client = stage.client(worker)
    await client.initialize()
    client.key = "amk_wrong"
    assert refusal_of(await client.send(verb)) == (401, "invalid_credentials")


async def test_the_scheme_is_read_in_any_case(stage: Stage, worker: Worker) -> None:
    assert (await stage.client(worker).modern("tools/list", authorization=f"bEARER {stage.key}")).status == 200


async def test_a_key_in_the_url_or_in_a_cookie_opens_nothing(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker)
    for query in (f"access_token={stage.key}", f"key={stage.key}", "access_token="):
        answer = await client.send(body=b"{}", query=query)
        assert refusal_of(answer) == (400, "token_in_query")
        assert 'error="invalid_request"' in answer.headers["www-authenticate"]
    client.key = None
    answer = await client.post(LIST, cookie=f"access_token={stage.key}; sessionid={stage.key}")
    assert answer.status == 401


@pytest.fixture
def neighbours(stage: Stage, cast: Cast) -> list[Stage]:
    """Another endpoint of the same tenant, and one of another tenant."""
    return [make_stage(cast.tenant, cast.alice), make_stage(cast.elsewhere, cast.charlie)]


@pytest.mark.requirement("one-endpoint-one-key")
async def test_a_key_opens_its_own_endpoint_alone(stage: Stage, neighbours: list[Stage], worker: Worker) -> None:
    for neighbour in neighbours:
        assert (await neighbour.client(worker).modern("tools/list")).status == 200
        answer = await stage.client(worker, key=neighbour.key).modern("tools/list")
        assert refusal_of(answer) == (401, "invalid_credentials")


async def test_a_session_is_of_its_own_endpoint_and_key_alone(
    stage: Stage, neighbours: list[Stage], further_key: str, worker: Worker
) -> None:
    client = stage.client(worker)
    await client.initialize()
    for other in (*(neighbour.client(worker) for neighbour in neighbours), stage.client(worker, key=further_key)):
        other.session = client.session
        for answer in (await other.legacy("ping"), await other.send("GET"), await other.send("DELETE")):
            assert answer.status == 404
            assert answer.json["error"]["data"]["refusal"] == "session_not_found"
    assert (await client.legacy("ping")).status == 200


@pytest.fixture
def further_key(stage: Stage) -> str:
    """A second key of the same endpoint."""
    return stage.issue_key()[1]


@pytest.fixture
def brief_key(stage: Stage) -> str:
    """A key that is good for half a minute."""
    return stage.issue_key(expires_at=timezone.now() + timedelta(seconds=30))[1]


async def test_an_expired_key_is_refused_without_anyone_telling(
    stage: Stage, brief_key: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stage.client(worker, key=brief_key)
    assert (await client.modern("tools/list")).status == 200
    later = time.time() + 31
    monkeypatch.setattr("mcp_runtime.authorization.bearer.time.time", lambda: later)
    assert refusal_of(await client.modern("tools/list")) == (401, "invalid_credentials")


@pytest.fixture
def scoped_key(stage: Stage) -> str:
    """A key for echo alone."""
    return stage.issue_key(tools=["echo"])[1]


@pytest.mark.requirement("tool-scopes")
async def test_a_scoped_key_sees_and_calls_its_own_tools(stage: Stage, scoped_key: str, worker: Worker) -> None:
    client = stage.client(worker, key=scoped_key)
    listed = (await client.modern("tools/list")).json["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["echo"]
    assert (await client.modern("tools/call", {"name": "echo"})).status == 200
    assert (await client.modern("tools/call", {"name": "wait"})).json["error"]["code"] == -32602


async def test_a_ticket_of_the_console_opens_its_endpoint_for_a_minute(
    stage: Stage, probe: Probe, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {"tenant_id": str(stage.tenant.id), "endpoint_id": str(stage.endpoint.pk)}
    client = stage.client(worker, key=tickets.mint(**ids, user_id="7"))
    assert (await client.modern("tools/call", {"name": "echo"})).status == 200
    assert probe.contexts[-1].principal == "member:7"
    for other in ({"tenant_id": "x"}, {"endpoint_id": "x"}):
        stranger = stage.client(worker, key=tickets.mint(**{**ids, **other}, user_id="7"))
        assert refusal_of(await stranger.modern("tools/list")) == (401, "invalid_credentials")
    later = time.time() + tickets.LIFETIME_SECONDS
    monkeypatch.setattr("core.tickets.time.time", lambda: later)
    assert refusal_of(await client.modern("tools/list")) == (401, "invalid_credentials")


async def test_an_open_endpoint_takes_anyone_but_a_wrong_key(open_stage: Stage, worker: Worker) -> None:
    client = open_stage.client(worker, key=None)
    assert (await client.modern("tools/call", {"name": "echo"})).status == 200
    assert (await open_stage.client(worker).modern("tools/call", {"name": "echo"})).status == 200
    for presented in ("Bearer amk_wrong", "Basic dTpw", ""):
        assert refusal_of(await client.modern("tools/list", authorization=presented)) == (401, "invalid_credentials")


async def test_two_authorizations_are_refused(stage: Stage, worker: Worker) -> None:
    pair = (b"authorization", f"Bearer {stage.key}".encode())
    exchange = stage.client(worker).open_raw("POST", b"{}", [(b"host", b"localhost"), pair, pair])
    assert refusal_of(await whole(exchange)) == (401, "invalid_credentials")
