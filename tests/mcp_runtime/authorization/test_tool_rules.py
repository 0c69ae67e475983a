"""Groups and their tools: what a member sees and calls through a worker, and every change of it while it runs."""

import asyncio
import uuid
from typing import Any

import pytest

from core import refusals, tickets
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.authorization.tool_rules import EVERY_TOOL, tools_of
from mcp_runtime.models import ToolRule
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.content import resource_create
from mcp_runtime.services.endpoints import endpoint_update
from mcp_runtime.services.tool_rules import MAXIMUM_RULES, tool_rule_delete, tool_rule_set
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.worker import Worker
from tenants.authorization.grant_types import CLIENT, CODE
from tenants.models import (
    AuthMethod,
    ClientKind,
    Group,
    GroupClient,
    GroupMember,
    GroupSource,
    McpClient,
    Membership,
    Role,
    User,
)
from tenants.services.client_groups import client_groups_set, group_clients_set
from tenants.services.groups import group_delete
from tests.conftest import Cast, unique
from tests.mcp_runtime.authorization.test_access_tokens import token_for
from tests.mcp_runtime.conftest import Stage, add_tool
from tests.mcp_runtime.driving import eventually, in_console
from tests.mcp_runtime.sockets import at_socket
from tests.mcp_runtime.transports.lanes import modern_bytes, read_response

NAMES = ["crash", "echo", "wait"]


def _group(stage: Stage, *members: User) -> Group:
    with tenant_context(stage.tenant.id):
        group = Group.objects.create(tenant=stage.tenant, name=unique("group"))
        for member in members:
            _join(stage, group, member)
    return group


def _join(stage: Stage, group: Group, member: User) -> None:
    membership = Membership.objects.get(user=member)
    GroupMember.objects.create(tenant=stage.tenant, group=group, membership=membership)


async def _rule(stage: Stage, group: Group, *patterns: str) -> ToolRule:
    return await stage.change(
        lambda actor: tool_rule_set(
            actor=actor, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=list(patterns)
        )
    )


async def _seen(stage: Stage, worker: Worker, token: str) -> list[str]:
    answer = await stage.client(worker, key=token).modern("tools/list")
    return [tool["name"] for tool in answer.json["result"]["tools"]]


async def _sees(stage: Stage, worker: Worker, token: str, *names: str) -> None:
    async def now() -> bool:
        return await _seen(stage, worker, token) == sorted(names)

    await eventually(now)


async def test_members_see_and_call_the_union_of_what_their_groups_may(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    await _rule(stage, await in_console(lambda: _group(stage, cast.bob)), "ec*")
    await _rule(stage, await in_console(lambda: _group(stage, cast.bob)), "wait", "gone")
    token = await token_for(stage, sub=str(cast.bob.pk))
    await _sees(stage, worker, token, "echo", "wait")
    bob = stage.client(worker, key=token)
    called = await bob.modern("tools/call", {"name": "echo", "arguments": {}})
    assert "result" in called.json
    refused = await bob.modern("tools/call", {"name": "crash", "arguments": {}})
    assert refused.json["error"]["message"] == "Unknown tool: crash"


def _client(stage: Stage, **values: Any) -> McpClient:
    ours = {"tenant": stage.tenant, "kind": ClientKind.REGISTERED, "client_id": unique("mcp"), "name": "Agent"}
    itself = {"grant_types": [CLIENT], "auth_method": AuthMethod.SIGNED, "jwks_uri": "https://agent.example/jwks"}
    with tenant_context(stage.tenant.id):
        return McpClient.objects.create(**(ours | itself | values))


async def _as_itself(stage: Stage, client: McpClient) -> str:
    return await token_for(stage, sub=client.client_id, client_id=client.client_id)


async def test_a_client_that_acts_for_itself_goes_by_its_groups(stage: Stage, worker: Worker) -> None:
    group, client = await in_console(lambda: _group(stage)), await in_console(lambda: _client(stage))
    token = await _as_itself(stage, client)
    await _sees(stage, worker, token, *NAMES)
    rule = await _rule(stage, group, "ec*")
    await _sees(stage, worker, token)
    await stage.change(lambda actor: group_clients_set(actor=actor, group_id=group.pk, clients=[client.pk]))
    await _sees(stage, worker, token, "echo")
    agent = stage.client(worker, key=token)
    assert "result" in (await agent.modern("tools/call", {"name": "echo", "arguments": {}})).json
    refused = await agent.modern("tools/call", {"name": "wait", "arguments": {}})
    assert refused.json["error"]["message"] == "Unknown tool: wait"
    await stage.change(lambda actor: client_groups_set(actor=actor, client_id=client.pk, groups=[]))
    await _sees(stage, worker, token)
    await stage.change(lambda actor: client_groups_set(actor=actor, client_id=client.pk, groups=[group.pk]))
    await _sees(stage, worker, token, "echo")
    await stage.change(lambda actor: group_delete(actor=actor, group_id=group.pk))
    await _sees(stage, worker, token)
    await stage.change(lambda actor: tool_rule_delete(actor=actor, endpoint_slug=stage.endpoint.slug, rule_id=rule.pk))
    await _sees(stage, worker, token, *NAMES)


async def test_a_client_that_acts_for_a_member_has_the_members_groups_and_not_its_own(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    group, client = await in_console(lambda: _group(stage)), await in_console(lambda: _client(stage))
    await stage.change(lambda actor: group_clients_set(actor=actor, group_id=group.pk, clients=[client.pk]))
    await _rule(stage, group, "echo")
    await _sees(stage, worker, await token_for(stage, sub=str(cast.bob.pk), client_id=client.client_id))
    await _sees(stage, worker, await _as_itself(stage, client), "echo")


def test_only_clients_of_the_tenant_that_act_for_themselves_are_put_into_groups_made_here(
    stage: Stage, cast: Cast
) -> None:
    group, client = _group(stage), _client(stage)
    for_people = _client(stage, grant_types=[CODE])
    public = _client(stage, auth_method=AuthMethod.NONE)
    with tenant_context(cast.elsewhere.id):
        own = {"tenant": cast.elsewhere, "kind": ClientKind.REGISTERED, "client_id": unique("mcp"), "name": "Theirs"}
        foreign = McpClient.objects.create(**own, grant_types=[CLIENT], auth_method=AuthMethod.SIGNED)
    with tenant_context(stage.tenant.id):
        told = Group.objects.create(tenant=stage.tenant, name="told", source=GroupSource.SCIM, provider=uuid.uuid4())
        for wrong in (for_people, public, foreign):
            with pytest.raises(Refused) as refused:
                group_clients_set(actor=stage.actor, group_id=group.pk, clients=[client.pk, wrong.pk])
            assert refused.value.refusal is refusals.INVALID_INPUT
            with pytest.raises(Refused) as refused:
                client_groups_set(actor=stage.actor, client_id=wrong.pk, groups=[group.pk])
            assert refused.value.refusal is refusals.NOT_FOUND
        with pytest.raises(Refused) as refused:
            group_clients_set(actor=stage.actor, group_id=told.pk, clients=[client.pk])
        assert refused.value.refusal is refusals.CONFLICT
        with pytest.raises(Refused) as refused:
            client_groups_set(actor=stage.actor, client_id=client.pk, groups=[group.pk, told.pk])
        assert refused.value.refusal is refusals.INVALID_INPUT
        assert not GroupClient.objects.exists()


def test_developers_put_no_client_into_a_group(stage: Stage, cast: Cast) -> None:
    group, client, bob = _group(stage), _client(stage), cast.acting(cast.bob)
    with tenant_context(stage.tenant.id):
        with pytest.raises(Refused) as refused:
            group_clients_set(actor=bob, group_id=group.pk, clients=[client.pk])
        assert refused.value.refusal is refusals.PERMISSION_DENIED
        with pytest.raises(Refused) as refused:
            client_groups_set(actor=bob, client_id=client.pk, groups=[group.pk])
        assert refused.value.refusal is refusals.PERMISSION_DENIED


async def test_who_is_in_no_group_sees_nothing_and_admins_and_keys_all(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    ann = await in_console(lambda: cast.join("ann", Role.ADMIN))
    await _rule(stage, await in_console(lambda: _group(stage)), "*")
    await _sees(stage, worker, await token_for(stage, sub=str(cast.bob.pk)))
    await _sees(stage, worker, await token_for(stage, sub=str(uuid.uuid4())))
    for everything in (await token_for(stage, sub=str(ann.pk)), await token_for(stage), stage.key):
        assert await _seen(stage, worker, everything) == NAMES


async def test_a_ticket_of_the_console_is_held_to_the_rules_too(stage: Stage, worker: Worker, cast: Cast) -> None:
    await _rule(stage, await in_console(lambda: _group(stage, cast.bob)), "wait")
    ids = {"tenant_id": str(stage.tenant.id), "endpoint_id": str(stage.endpoint.pk)}
    await _sees(stage, worker, tickets.mint(**ids, user_id=str(cast.bob.pk)), "wait")


async def test_prompts_and_resources_are_as_for_keys_that_are_limited_to_tools(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    note = ResourceDraft(uri="notes://one", name="Note", config={"text": "hello"})
    await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="static", draft=note)
    )
    bob = stage.client(worker, key=await token_for(stage, sub=str(cast.bob.pk)))

    async def found() -> tuple[bool, bool]:
        listed = await bob.modern("resources/list")
        read = await bob.modern("resources/read", {"uri": note.uri}, mcp_name=note.uri)
        return bool(listed.json["result"]["resources"]), "result" in read.json

    async def is_there() -> bool:
        return await found() == (True, True)

    await eventually(is_there)
    await _rule(stage, await in_console(lambda: _group(stage, cast.bob)), "*")

    async def is_gone() -> bool:
        listed = await bob.modern("prompts/list")
        said = "com.armstrong/limited" in listed.json["result"].get("_meta", {})
        return said and await found() == (False, False)

    await eventually(is_gone)


async def test_groups_roles_and_rules_change_for_a_token_that_is_in_use(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    token = await token_for(stage, sub=str(cast.bob.pk))
    await _sees(stage, worker, token, *NAMES)
    group = await in_console(lambda: _group(stage))
    rule = await _rule(stage, group, "echo")
    await _sees(stage, worker, token)
    await stage.change(lambda _actor: _join(stage, group, cast.bob))
    await _sees(stage, worker, token, "echo")
    await _rule(stage, group, "wait")
    await _sees(stage, worker, token, "wait")
    bob = Membership.objects.filter(user=cast.bob)
    await stage.change(lambda _actor: bob.update(role=Role.ADMIN))
    await _sees(stage, worker, token, *NAMES)
    await stage.change(lambda _actor: bob.update(role=Role.VIEWER))
    await _sees(stage, worker, token, "wait")
    await stage.change(lambda _actor: GroupMember.objects.filter(group=group).delete())
    await _sees(stage, worker, token)
    await stage.change(lambda actor: tool_rule_delete(actor=actor, endpoint_slug=stage.endpoint.slug, rule_id=rule.pk))
    await _sees(stage, worker, token, *NAMES)


async def test_a_group_that_is_deleted_opens_nothing(stage: Stage, worker: Worker, cast: Cast) -> None:
    group = await in_console(lambda: _group(stage, cast.bob))
    await _rule(stage, group, "echo")
    token = await token_for(stage, sub=str(cast.bob.pk))
    await _sees(stage, worker, token, "echo")
    await stage.change(lambda _actor: Group.objects.filter(pk=group.pk).delete())
    await _sees(stage, worker, token)
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "later"))
    await _sees(stage, worker, stage.key, *NAMES, "later")
    await _sees(stage, worker, token)


async def test_tools_that_come_later_are_there_for_those_whose_pattern_they_match(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    await _rule(stage, await in_console(lambda: _group(stage, cast.bob)), "ec*")
    token = await token_for(stage, sub=str(cast.bob.pk))
    await _sees(stage, worker, token, "echo")
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "eclipse"))
    await _sees(stage, worker, token, "echo", "eclipse")


async def test_an_open_stream_ends_when_rules_limit_and_tells_when_they_change(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    token = await token_for(stage, sub=str(cast.bob.pk))
    await _sees(stage, worker, token, *NAMES)
    client = stage.client(worker, key=token)
    await client.initialize()
    stream = client.open("GET")
    assert await stream.start() == 200
    group = await in_console(lambda: _group(stage, cast.bob))
    await _rule(stage, group, "echo")
    with pytest.raises(EOFError):
        await stream.frame()
    further = client.open("GET")
    assert await further.start() == 200
    await _rule(stage, group, "wait")
    assert "notifications/tools/list_changed" in await further.frame()
    await further.leave()


async def test_the_fast_lane_goes_by_them_too(stage: Stage, cast: Cast) -> None:
    group = await in_console(lambda: _group(stage, cast.bob))
    await _rule(stage, group, "echo")
    token = await token_for(stage, sub=str(cast.bob.pk))
    async with at_socket(Worker()) as origin:
        reader, writer = await asyncio.open_connection(*origin.split(":"))

        async def answered(name: str) -> bool:
            call = {"name": name, "arguments": {}}
            writer.write(modern_bytes(stage, "tools/call", call, authorization=f"Bearer {token}"))
            return b'"result"' in (await read_response(reader))[2]

        assert [await answered(name) for name in ("echo", "crash", "echo")] == [True, False, True]
        await stage.change(lambda _actor: GroupMember.objects.filter(group=group).delete())

        async def refused() -> bool:
            return not await answered("echo")

        await eventually(refused)
        writer.close()


async def test_an_open_endpoint_is_open(stage: Stage, worker: Worker, cast: Cast) -> None:
    await _rule(stage, await in_console(lambda: _group(stage)), "echo")
    await stage.change(
        lambda actor: endpoint_update(
            actor=actor,
            endpoint_slug=stage.endpoint.slug,
            name="Open",
            instructions="",
            access="open",
            allowed_origins=[],
        )
    )
    await _sees(stage, worker, await token_for(stage, sub=str(cast.bob.pk)), *NAMES)


@pytest.mark.parametrize(
    "patterns",
    [[], [""], ["a*b"], ["**"], ["*a"], ["a b"], ["ä"], ["a" * 65], ["a" * 65 + "*"], ["a\n"], ["\0"], ["a"] * 101],
    ids=repr,
)
def test_what_is_no_pattern_is_refused(stage: Stage, patterns: list[str]) -> None:
    group = _group(stage)
    with tenant_context(stage.tenant.id), pytest.raises(Refused) as refused:
        tool_rule_set(actor=stage.actor, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=patterns)
    assert refused.value.refusal is refusals.INVALID_INPUT
    assert list(refused.value.data["fields"]) == ["patterns"]


def test_another_tenants_group_is_no_group(stage: Stage, cast: Cast) -> None:
    with tenant_context(cast.elsewhere.id):
        foreign = Group.objects.create(tenant=cast.elsewhere, name="theirs")
    with tenant_context(stage.tenant.id), pytest.raises(Refused) as refused:
        tool_rule_set(actor=stage.actor, endpoint_slug=stage.endpoint.slug, group_id=foreign.pk, patterns=["*"])
    assert refused.value.refusal is refusals.INVALID_INPUT


def test_developers_make_no_rules(stage: Stage, cast: Cast) -> None:
    group, bob = _group(stage), cast.acting(cast.bob)
    with tenant_context(stage.tenant.id), pytest.raises(Refused) as refused:
        tool_rule_set(actor=bob, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=["*"])
    assert refused.value.refusal is refusals.PERMISSION_DENIED


def test_there_are_only_so_many_rules(stage: Stage) -> None:
    with tenant_context(stage.tenant.id):
        for number in range(MAXIMUM_RULES):
            ToolRule.objects.create(
                tenant=stage.tenant, endpoint=stage.endpoint, group_name=str(number), patterns=["*"]
            )
        group = Group.objects.create(tenant=stage.tenant, name="one too many")
        with pytest.raises(Refused) as refused:
            tool_rule_set(actor=stage.actor, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=["*"])
    assert refused.value.refusal is refusals.LIMIT_REACHED


@pytest.mark.parametrize("tools", [None, ["echo", "wait"]])
def test_who_is_limited_makes_no_key_that_is_not(stage: Stage, cast: Cast, tools: list[str] | None) -> None:
    group = _group(stage, cast.bob)
    with tenant_context(stage.tenant.id):
        tool_rule_set(actor=stage.actor, endpoint_slug=stage.endpoint.slug, group_id=group.pk, patterns=["echo"])
        bob = Cast.acting_inside(cast.bob, stage.tenant)
        with pytest.raises(Refused) as refused:
            access_key_issue(actor=bob, endpoint_slug=stage.endpoint.slug, name="mine", tools=tools)
        assert list(refused.value.data["fields"]) == ["tools"]
        access_key_issue(actor=bob, endpoint_slug=stage.endpoint.slug, name="mine", tools=["echo"])
        access_key_issue(actor=stage.actor, endpoint_slug=stage.endpoint.slug, name="hers", tools=tools)


def test_a_name_is_itself_and_a_star_a_beginning() -> None:
    rules = {"a": ["read", "get_*"], "b": ["*"]}
    names = ["read", "reader", "get_", "get_all", "forget_all"]
    assert tools_of(frozenset({"a"}), rules, names) == frozenset({"read", "get_", "get_all"})
    assert tools_of(frozenset({"a", "b"}), rules, names) == frozenset(names)
    assert tools_of(frozenset({"c"}), rules, names) == frozenset()
    assert tools_of(frozenset({EVERY_TOOL}), {}, names) is None
