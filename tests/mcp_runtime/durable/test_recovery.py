"""Tasks outlive those who run them: what a process leaves behind another takes up, and nobody writes twice."""

import asyncio
import os
import uuid
from typing import Any

import pytest
from django.utils import timezone

from core.tenancy import tenant_context
from mcp_runtime.durable.claims import Claims, completed
from mcp_runtime.models import Task, TaskSchedule
from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.services.tools import tool_delete
from mcp_runtime.worker import Worker
from tests.mcp_runtime.authorization.test_access_tokens import token_for
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, in_console
from tests.mcp_runtime.durable.conftest import ABLE, Home, TaskClient, running


async def _row(home: Home, task_id: str) -> Task:
    def read() -> Task:
        with tenant_context(home.tenant_id):
            return Task.objects.get(pk=task_id)

    return await in_console(read)


async def _begun(home: Home, task_id: str, attempt: int = 1) -> None:
    async def begun() -> bool:
        return (await _row(home, task_id)).attempt == attempt

    await eventually(begun)


async def _due_now(task_id: str) -> None:
    now = timezone.now()
    await in_console(lambda: TaskSchedule.objects.filter(pk=task_id).update(wake_at=now, leased_until=now))


@pytest.mark.requirement("tasks-survive")
async def test_a_task_whose_runner_died_is_run_again(able: TaskClient, home: Home) -> None:
    task_id = (await able.call("slow_compute", seconds=2, label="It"))["taskId"]
    with running():
        await _begun(home, task_id)
    assert (await able.task(task_id))["status"] == "working"
    await _due_now(task_id)
    with running():
        await _begun(home, task_id, attempt=2)
        state = await able.until(task_id, "completed")
    assert state["result"]["content"][0]["text"] == "It took 2 seconds."


async def test_a_call_that_may_not_be_made_twice_is_not(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("job", do="wait", task="required"))
    client, home = TaskClient(stage.client(worker), ABLE), Home(stage.tenant.id, stage.path)
    task_id = (await client.call("job"))["taskId"]
    with running():
        await _begun(home, task_id)
    await _due_now(task_id)
    with running():
        state = await client.until(task_id, "failed")
    assert "called twice" in state["error"]["message"]


async def test_who_comes_late_writes_nothing(able: TaskClient, home: Home) -> None:
    task_id = (await able.call("slow_compute", seconds=1))["taskId"]
    claims = Claims(os.environ["DATABASE_URL"])
    try:
        first = await claims.claim(str(home.tenant_id), task_id)
        assert first is not None
        assert await claims.claim(str(home.tenant_id), task_id) is None
        await _due_now(task_id)
        second = await claims.claim(str(home.tenant_id), task_id)
        assert second is not None
        assert (first.attempt, second.attempt) == (1, 2)
        assert not await claims.renew(first)
        assert await claims.renew(second)
        await claims.end(first, completed(b'{"resultType":"complete","content":[]}'))
        assert (await able.task(task_id))["status"] == "working"
        await claims.end(second, completed(b'{"resultType":"complete","content":[{"type":"text","text":"second"}]}'))
        await claims.end(second, completed(b'{"resultType":"complete","content":[]}'))
    finally:
        await claims.close()
    assert (await able.task(task_id))["result"]["content"][0]["text"] == "second"


async def test_runners_that_race_for_a_task_run_it_once(able: TaskClient, home: Home) -> None:
    task_ids = [(await able.call("slow_compute", seconds=0.01))["taskId"] for _ in range(5)]
    rivals = [Claims(os.environ["DATABASE_URL"]) for _ in range(4)]
    tenant_id = str(home.tenant_id)
    try:
        won = await asyncio.gather(*(rival.claim(tenant_id, each) for each in task_ids for rival in rivals))
    finally:
        await asyncio.gather(*(rival.close() for rival in rivals))
    assert sorted(claim.task_id for claim in won if claim is not None) == sorted(task_ids)


async def _ends_failed(client: TaskClient, task_id: str) -> dict[str, Any]:
    await _due_now(task_id)
    with running():
        return await client.until(task_id, "failed")


async def test_a_task_ends_with_the_key_that_asked_for_it(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("job", task="optional"))
    key, secret = await in_console(stage.issue_key)
    task_id = (await TaskClient(stage.client(worker, key=secret), ABLE).call("job"))["taskId"]
    await stage.change(
        lambda actor: access_key_revoke(actor=actor, endpoint_slug=stage.endpoint.slug, access_key_id=key.pk)
    )
    await _due_now(task_id)

    async def failed() -> bool:
        def read() -> Task:
            with tenant_context(stage.tenant.id):
                return Task.objects.get(pk=task_id)

        return (await in_console(read)).status == "failed"

    with running():
        await eventually(failed)


async def test_a_person_who_came_by_a_login_has_tasks_too_until_they_are_gone(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("job", task="optional"))
    client = TaskClient(stage.client(worker, key=await token_for(stage)), ABLE)
    task_id = (await client.call("job"))["taskId"]
    await _due_now(task_id)
    with running():
        await client.until(task_id, "completed")
    stranger = TaskClient(stage.client(worker, key=await token_for(stage, sub=str(uuid.uuid4()))), ABLE)
    task_id = (await stranger.call("job"))["taskId"]
    assert "no longer here" in (await _ends_failed(stranger, task_id))["error"]["message"]


async def test_a_task_of_a_tool_that_is_gone_fails(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("job", task="optional"))
    await in_console(lambda: stage.add_tool("other", task="optional"))
    client = TaskClient(stage.client(worker), ABLE)
    task_id = (await client.call("job"))["taskId"]

    def remove(actor: Any) -> None:
        tool = stage.endpoint.tools.get(name="job")
        tool_delete(actor=actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk)

    await stage.change(remove)
    assert "not there any more" in (await _ends_failed(client, task_id))["error"]["message"]


@pytest.mark.requirement("tasks-survive")
async def test_an_expired_task_is_forgotten_whole(able: TaskClient, home: Home) -> None:
    task_id = (await able.call("slow_compute", seconds=30))["taskId"]

    def expire() -> None:
        with tenant_context(home.tenant_id):
            Task.objects.filter(pk=task_id).update(expires_at=timezone.now())

    await in_console(expire)
    assert (await able.ask("tasks/get", taskId=task_id)).json["error"]["code"] == -32602
    await _due_now(task_id)

    async def forgotten() -> bool:
        return not await in_console(TaskSchedule.objects.filter(pk=task_id).exists)

    with running():
        await eventually(forgotten)

    def rows() -> int:
        with tenant_context(home.tenant_id):
            return Task.objects.filter(pk=task_id).count()

    assert await in_console(rows) == 0


async def test_a_task_that_was_never_announced_is_found(able: TaskClient) -> None:
    task_id = (await able.call("slow_compute", seconds=0.01))["taskId"]
    await _due_now(task_id)
    with running():
        await able.until(task_id, "completed")


async def test_what_is_announced_and_is_not_there_is_nothing(home: Home) -> None:
    with running() as runner:
        await asyncio.to_thread(runner.run, str(home.tenant_id), str(uuid.uuid4()))
