"""A stranger at the runtime: no key, session, ticket or cursor of one tenant is worth anything at another's."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest

from core import tickets
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Endpoint
from mcp_runtime.protocol import cursors
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import Presentation, endpoint_create, endpoint_delete
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tenants.hosts.addressing import TRANSPORTS
from tenants.models import Membership, Role, Tenant
from tenants.services.tenants import tenant_delete, tenant_rename, tenant_restore
from tests.conftest import unique
from tests.isolation.probes import RUNTIME
from tests.isolation.stage import Belongings, Stage
from tests.mcp_runtime.driving import Answer, Client, eventually, in_console, serving

METHODS = ("POST", "GET", "DELETE", "PUT", "PATCH", "HEAD")


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A worker that hears of changes."""
    async with serving(Worker()) as running:
        yield running


def _client(worker: Worker, where: Belongings, key: str | None = None, transport: str = "mcp") -> Client:
    path = mcp_path(where.tenant, where.endpoint)
    return Client(worker, f"{path.removesuffix('mcp')}{transport}", key=key)


def _is_silent(stage: Stage, answer: Answer) -> bool:
    return stage.mark.encode() not in answer.body and stage.mark not in str(answer.headers)


def _inside[T](who: Belongings, work: Callable[[Actor], T]) -> T:
    """Runs a service as the owner, inside the tenant's context."""
    with tenant_context(UUID(who.tenant_id)):
        return work(Actor(tenant=Tenant.objects.get(), role=Role.OWNER, user=who.owner))


def _endpoint_id(who: Belongings) -> str:
    return str(_inside(who, lambda _actor: Endpoint.objects.get(slug=who.endpoint).pk))


def _ticket(tenant_id: str, endpoint_id: str, user: Belongings) -> str:
    return tickets.mint(tenant_id=tenant_id, endpoint_id=endpoint_id, user_id=str(user.owner.pk))


async def _lists(client: Client) -> Answer:
    return await client.modern("tools/list")


async def test_the_owner_is_served(stage: Stage, worker: Worker) -> None:
    """The control: without it the refusals below would prove nothing."""
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    answer = await _lists(alice)
    assert answer.status == 200
    assert stage.mark.encode() in answer.body
    assert (await alice.initialize()).status == 200
    assert (await alice.legacy("tools/list")).status == 200
    ticket = await in_console(lambda: _ticket(stage.alice.tenant_id, _endpoint_id(stage.alice), stage.alice))
    assert (await _lists(_client(worker, stage.alice, ticket))).status == 200


def test_every_transport_has_a_probe() -> None:
    assert set(RUNTIME) == set(TRANSPORTS), "add a line to RUNTIME in tests/isolation/probes.py"


@pytest.mark.requirement("one-endpoint-one-key")
@pytest.mark.parametrize("transport", RUNTIME)
@pytest.mark.parametrize("method", METHODS)
async def test_no_credential_of_a_stranger_opens_an_endpoint(
    stage: Stage, worker: Worker, method: str, transport: str
) -> None:
    served = method in RUNTIME[transport]
    charlies_endpoint = await in_console(lambda: _endpoint_id(stage.charlie))
    presented = [
        None,
        stage.charlie.access_secret,
        stage.charlie.api_secret,
        stage.alice.api_secret,
        _ticket(stage.charlie.tenant_id, charlies_endpoint, stage.charlie),
        _ticket(stage.alice.tenant_id, charlies_endpoint, stage.charlie),
    ]
    for credential in presented:
        client = _client(worker, stage.alice, credential, transport)
        answer = await client.send(method, headers={"mcp-session-id": "x", "cookie": "sessionid=x"})
        assert answer.status == (401 if served else 405)
        assert ("www-authenticate" in answer.headers) is served
        assert _is_silent(stage, answer)


async def test_a_ticket_for_the_same_endpoint_in_another_tenant_is_refused(stage: Stage, worker: Worker) -> None:
    endpoint_id = await in_console(lambda: _endpoint_id(stage.alice))
    client = _client(worker, stage.alice, _ticket(stage.charlie.tenant_id, endpoint_id, stage.charlie))
    assert (await _lists(client)).status == 401


async def test_what_exists_elsewhere_looks_like_what_exists_nowhere(stage: Stage, worker: Worker) -> None:
    alice, charlie = stage.alice, stage.charlie
    addresses = [
        ("no-such-tenant", "no-such-endpoint"),
        (alice.tenant, "no-such-endpoint"),
        (charlie.tenant, alice.endpoint),
        (alice.tenant, charlie.endpoint),
    ]
    answers = [
        await Client(worker, f"{mcp_path(*address).removesuffix('mcp')}{transport}", key=key).modern("tools/list")
        for address in addresses
        for key in (None, charlie.access_secret, alice.access_secret)
        for transport in RUNTIME
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1


async def test_a_session_is_worthless_to_anyone_else(stage: Stage, worker: Worker) -> None:
    # Before the worker first looks at the endpoint: afterwards it would have to hear of the key.
    colleague = await in_console(lambda: _inside(stage.alice, lambda actor: _issue(actor, stage.alice.endpoint)))
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    await alice.initialize()
    others = [
        _client(worker, stage.charlie, stage.charlie.access_secret),
        _client(worker, stage.alice, colleague),
    ]
    for other in others:
        other.session = alice.session
        assert (await other.legacy("tools/list")).status == 404
        for method in ("GET", "DELETE"):
            answer = await other.send(method, headers={"accept": "text/event-stream"})
            assert answer.status == 404
            assert _is_silent(stage, answer)
    assert (await alice.legacy("tools/list")).status == 200


async def test_a_cursor_is_worthless_to_anyone_else(stage: Stage, worker: Worker) -> None:
    endpoint_id = await in_console(lambda: _endpoint_id(stage.alice))
    cursor = cursors.mint(endpoint_id, f"key:{stage.alice.access_key}", "")
    answer = await _client(worker, stage.charlie, stage.charlie.access_secret).modern("tools/list", {"cursor": cursor})
    assert answer.json["error"]["code"] == -32602
    assert _is_silent(stage, answer)


async def test_a_deleted_tenant_is_nowhere_until_it_is_restored(stage: Stage, worker: Worker) -> None:
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    charlie = _client(worker, stage.charlie, stage.charlie.access_secret)
    assert (await _lists(alice)).status == 200
    await in_console(lambda: _inside(stage.alice, lambda actor: tenant_delete(actor=actor)))
    await eventually(lambda: _answers(alice, 404))
    assert (await _lists(charlie)).status == 200
    await in_console(lambda: _inside(stage.alice, lambda actor: tenant_restore(actor=actor)))
    await eventually(lambda: _answers(alice, 200))


async def test_after_a_rename_the_former_address_is_still_the_tenants_alone(stage: Stage, worker: Worker) -> None:
    former, current = stage.alice.tenant, unique("renamed")
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    assert (await _lists(alice)).status == 200
    await in_console(lambda: _inside(stage.alice, lambda actor: tenant_rename(actor=actor, name="New", slug=current)))
    with pytest.raises(Refused):
        await in_console(
            lambda: _inside(stage.charlie, lambda actor: tenant_rename(actor=actor, name="Mine", slug=former))
        )
    renamed = Client(worker, mcp_path(current, stage.alice.endpoint), key=stage.alice.access_secret)
    await eventually(lambda: _answers(renamed, 200))
    assert (await _lists(alice)).status == 200
    for address in (former, current):
        stranger = Client(worker, mcp_path(address, stage.alice.endpoint), key=stage.charlie.access_secret)
        assert (await _lists(stranger)).status == 401


async def test_an_endpoint_made_under_a_deleted_ones_name_knows_none_of_its_keys(stage: Stage, worker: Worker) -> None:
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    await alice.initialize()
    slug = stage.alice.endpoint

    def replace(actor: Actor) -> str:
        endpoint_delete(actor=actor, endpoint_slug=slug)
        endpoint_create(actor=actor, slug=slug, name="Another")
        return _issue(actor, slug)

    fresh = await in_console(lambda: _inside(stage.alice, replace))
    await eventually(lambda: _answers(_client(worker, stage.alice, fresh), 200))
    assert (await _lists(alice)).status == 401
    alice.key = fresh
    assert (await alice.legacy("tools/list")).status == 404


async def test_two_tenants_that_call_an_endpoint_the_same_are_served_their_own(stage: Stage, worker: Worker) -> None:
    """A cache keyed by the endpoint's name alone would mix them up."""
    twin = await in_console(lambda: _inside(stage.charlie, lambda actor: _twin(actor, stage.alice.endpoint)))
    alice = _client(worker, stage.alice, stage.alice.access_secret)
    charlie = Client(worker, mcp_path(stage.charlie.tenant, stage.alice.endpoint), key=twin)
    for _ in range(2):
        assert stage.mark.encode() in (await _lists(alice)).body
        answer = await _lists(charlie)
        assert (answer.status, answer.json["result"]["tools"]) == (200, [])
        assert _is_silent(stage, answer)
    for client, foreign in ((alice, twin), (charlie, stage.alice.access_secret)):
        assert (await _lists(Client(worker, client.path, key=foreign))).status == 401


async def test_a_call_by_a_stranger_reaches_no_tool(stage: Stage, worker: Worker) -> None:
    tool = f"tool-{stage.mark}"
    call = {"name": tool, "arguments": {"text": "hello"}}
    assert (await _client(worker, stage.alice, stage.alice.access_secret).modern("tools/call", call)).status == 200
    for key in (None, stage.charlie.access_secret):
        assert (await _client(worker, stage.alice, key).modern("tools/call", call)).status == 401
    answer = await _client(worker, stage.charlie, stage.charlie.access_secret).modern("tools/call", call)
    assert "error" in answer.json


async def test_nothing_of_a_tenant_that_lists_nothing_is_told_to_strangers(stage: Stage, worker: Worker) -> None:
    paths = [
        "/.well-known/ai-catalog.json",
        f"/t/{stage.alice.tenant}/.well-known/ai-catalog.json",
        f"{mcp_path(stage.alice.tenant, stage.alice.endpoint)}/server-card",
        f"{mcp_path(stage.charlie.tenant, stage.alice.endpoint)}/server-card",
    ]
    for key in (None, stage.charlie.access_secret):
        for path in paths:
            for method in ("GET", "HEAD"):
                answer = await Client(worker, path, key=key).send(method)
                assert answer.status == 404
                assert _is_silent(stage, answer)


async def test_a_catalogue_is_its_tenants_alone(stage: Stage, worker: Worker) -> None:
    def publish(actor: Actor) -> None:
        shown = Presentation(description=f"About {stage.mark}", listed=True)
        endpoint_create(actor=actor, slug=unique("listed"), name=f"Listed {stage.mark}", presentation=shown)

    await in_console(lambda: _inside(stage.alice, publish))
    told = await Client(worker, f"/t/{stage.alice.tenant}/.well-known/ai-catalog.json").send("GET")
    assert stage.mark.encode() in told.body
    assert stage.alice.endpoint.encode() not in told.body
    assert (await Client(worker, f"/t/{stage.charlie.tenant}/.well-known/ai-catalog.json").send("GET")).status == 404
    await in_console(lambda: _inside(stage.alice, lambda actor: tenant_delete(actor=actor)))
    fresh = Worker()
    async with serving(fresh):
        gone = await Client(fresh, f"/t/{stage.alice.tenant}/.well-known/ai-catalog.json").send("GET")
    assert gone.status == 404


def _issue(actor: Actor, endpoint_slug: str) -> str:
    return access_key_issue(actor=actor, endpoint_slug=endpoint_slug, name="further")[1]


def _twin(actor: Actor, slug: str) -> str:
    assert Membership.objects.filter(user=actor.user).exists()
    endpoint_create(actor=actor, slug=slug, name="Twin")
    return _issue(actor, slug)


async def _answers(client: Client, status: int) -> bool:
    return (await _lists(client)).status == status
