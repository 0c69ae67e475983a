"""Tasks as their clients meet them: accepted, followed, answered, cancelled, and nobody else's."""

from typing import Any

import pytest

from mcp_runtime.durable import keeper
from mcp_runtime.durable.thread import RunnerThread
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage, make_stage
from tests.mcp_runtime.driving import Client, in_console
from tests.mcp_runtime.durable.conftest import ABLE, TASKS, TaskClient, make_home

NOBODYS = "00000000-0000-4000-8000-000000000000"


def _text(state: dict[str, Any]) -> str:
    return str(state["result"]["content"][0]["text"])


@pytest.mark.requirement("tasks-created")
async def test_a_call_becomes_a_task_that_every_worker_knows_at_once(
    able: TaskClient, path: str, other_worker: Worker
) -> None:
    created = await able.call("slow_compute", seconds=30)
    assert created["resultType"] == "task"
    assert created.keys() == {
        "resultType", "taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs", "_meta",
    }  # fmt: skip
    assert created["status"] == "working"
    elsewhere = await TaskClient(Client(other_worker, path), ABLE).task(created["taskId"])
    assert elsewhere["taskId"] == created["taskId"]
    assert elsewhere["resultType"] == "complete"
    assert not elsewhere.keys() & {"result", "error", "inputRequests"}


@pytest.mark.requirement("tasks-outcome")
@pytest.mark.usefixtures("runner")
async def test_a_task_ends_with_the_tools_result(able: TaskClient) -> None:
    created = await able.call("slow_compute", seconds=0.05, label="A sum")
    state = await able.until(created["taskId"], "completed")
    assert _text(state) == "A sum took 0.05 seconds."
    assert state["result"]["isError"] is False
    assert state["result"]["resultType"] == "complete"


@pytest.mark.requirement("tasks-outcome")
@pytest.mark.usefixtures("runner")
async def test_a_tool_that_fails_completes_and_one_that_is_refused_fails(able: TaskClient) -> None:
    failing, refused = await able.call("failing_job"), await able.call("protocol_error_job")
    state = await able.until(failing["taskId"], "completed")
    assert state["result"]["isError"] is True
    state = await able.until(refused["taskId"], "failed")
    assert state["error"]["message"] == "The job ended without a result."
    assert "result" not in state


async def test_what_takes_no_time_is_answered_at_once(able: TaskClient) -> None:
    assert (await able.call("slow_compute", seconds=0))["resultType"] == "complete"
    assert (await able.call("greet", name="Joe"))["content"][0]["text"] == "Hello, Joe!"


@pytest.mark.requirement("tasks-opt-in")
async def test_a_client_that_knows_no_tasks_gets_none(path: str, worker: Worker) -> None:
    unable = TaskClient(Client(worker, path), {})
    assert (await unable.call("slow_compute", seconds=0.01))["resultType"] == "complete"
    answer = await unable.ask("tools/call", name="failing_job", arguments={})
    assert answer.status == 400
    assert answer.json["error"]["code"] == -32021
    assert answer.json["error"]["data"]["requiredCapabilities"] == {"extensions": {TASKS: {}}}


async def test_a_client_with_a_session_is_told_what_it_lacks(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    await client.initialize()
    result = (await client.legacy("tools/call", {"name": "failing_job", "arguments": {}})).json["result"]
    assert result["isError"] is True
    assert "extensions" in result["content"][0]["text"]


@pytest.mark.requirement("tasks-opt-in")
async def test_who_did_not_declare_tasks_may_not_ask_about_one(path: str, worker: Worker) -> None:
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        answer = await TaskClient(Client(worker, path), {}).ask(method, taskId=NOBODYS, inputResponses={})
        assert (answer.status, answer.json["error"]["code"]) == (400, -32021)


@pytest.mark.requirement("tasks-unknown")
async def test_a_task_that_is_not_there_is_invalid(able: TaskClient) -> None:
    for task_id in (NOBODYS, "x", "", NOBODYS.replace("0", "A"), "'; drop table task; --"):
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            answer = await able.ask(method, taskId=task_id, inputResponses={})
            assert (answer.status, answer.json["error"]["code"]) == (400, -32602)


@pytest.mark.requirement("tasks-removed-methods")
async def test_what_the_extension_does_not_have_is_unknown(able: TaskClient) -> None:
    for method in ("tasks/list", "tasks/result"):
        answer = await able.ask(method, taskId=NOBODYS)
        assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


async def test_an_endpoint_without_lasting_tools_offers_no_tasks(stage: Stage, worker: Worker) -> None:
    client = TaskClient(stage.client(worker), ABLE)
    described = (await client.ask("server/discover")).json["result"]
    assert TASKS not in described["capabilities"].get("extensions", {})
    answer = await client.ask("tasks/get", taskId=NOBODYS)
    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


@pytest.mark.requirement("tasks-cancel")
@pytest.mark.usefixtures("runner")
async def test_a_running_task_is_cancelled_for_good(able: TaskClient) -> None:
    task_id = (await able.call("slow_compute", seconds=60))["taskId"]
    acknowledged = (await able.ask("tasks/cancel", taskId=task_id)).json["result"]
    assert acknowledged.keys() == {"resultType", "_meta"}
    assert (await able.task(task_id))["status"] == "cancelled"
    assert (await able.ask("tasks/cancel", taskId=task_id)).status == 200
    assert (await able.task(task_id))["status"] == "cancelled"


@pytest.mark.requirement("tasks-input")
@pytest.mark.usefixtures("runner")
async def test_a_task_asks_and_goes_on_when_everything_is_answered(able: TaskClient) -> None:
    task_id = (await able.call("multi_input"))["taskId"]
    state = await able.until(task_id, "input_required")
    assert state["inputRequests"].keys() == {"name", "confirm"}
    assert state["inputRequests"]["name"]["method"] == "elicitation/create"
    joe = {"action": "accept", "content": {"name": "Joe"}}
    await able.ask("tasks/update", taskId=task_id, inputResponses={"name": joe, "other": joe})
    state = await able.task(task_id)
    assert (state["status"], state["inputRequests"].keys()) == ("input_required", {"confirm"})
    await able.ask("tasks/update", taskId=task_id, inputResponses={"confirm": {"action": "decline"}})
    assert _text(await able.until(task_id, "completed")) == "Answered: confirm, name"


@pytest.mark.requirement("tasks-input")
@pytest.mark.usefixtures("runner")
async def test_a_wrong_answer_is_refused_and_the_question_stays(able: TaskClient) -> None:
    task_id = (await able.call("confirm_delete", filename="a.txt"))["taskId"]
    await able.until(task_id, "input_required")
    for wrong in (5, None, {"action": "perhaps"}, {"action": "accept", "content": {"confirm": 1}}):
        answer = await able.ask("tasks/update", taskId=task_id, inputResponses={"confirm": wrong})
        assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert (await able.task(task_id))["status"] == "input_required"


@pytest.mark.requirement("tasks-after-asking")
@pytest.mark.usefixtures("runner")
async def test_what_is_asked_before_the_task_is_known_within_it(able: TaskClient) -> None:
    asked = await able.call("test_tool_with_task")
    assert asked["resultType"] == "input_required"
    assert "taskId" not in asked
    alice = {"user_name": {"action": "accept", "content": {"name": "Alice"}}}
    answer = await able.ask(
        "tools/call",
        name="test_tool_with_task",
        arguments={},
        inputResponses=alice,
        requestState=asked["requestState"],
    )
    created = answer.json["result"]
    assert created["resultType"] == "task"
    assert not created.keys() & {"requestState", "inputRequests"}
    assert _text(await able.until(created["taskId"], "completed")) == "Hello, Alice!"


@pytest.mark.requirement("tasks-unknown")
async def test_a_task_is_its_principals_alone(cast: Cast, stage: Stage, worker: Worker) -> None:
    def prepare() -> tuple[Stage, Stage, str]:
        other_endpoint, charlies = make_stage(cast.tenant, cast.alice), make_stage(cast.elsewhere, cast.charlie)
        for each in (stage, other_endpoint, charlies):
            each.add_tool("job", task="optional")
        return other_endpoint, charlies, stage.issue_key()[1]

    other_endpoint, charlies, other_key = await in_console(prepare)
    owner = TaskClient(stage.client(worker), ABLE)
    task_id = (await owner.call("job"))["taskId"]
    strangers = [stage.client(worker, key=other_key), other_endpoint.client(worker), charlies.client(worker)]
    for stranger in strangers:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            answer = await TaskClient(stranger, ABLE).ask(method, taskId=task_id, inputResponses={})
            assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert (await owner.task(task_id))["status"] == "working"


async def test_too_many_unfinished_tasks_are_refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    able = TaskClient(Client(worker, (await in_console(make_home)).path), ABLE)
    monkeypatch.setattr(keeper, "MAXIMUM_UNFINISHED", 1)
    first = await able.call("slow_compute", seconds=60)
    answer = await able.ask("tools/call", name="slow_compute", arguments={"seconds": 60})
    assert answer.status == 422
    assert answer.json["error"]["data"]["refusal"] == "limit_reached"
    await able.ask("tasks/cancel", taskId=first["taskId"])
    assert (await able.call("slow_compute", seconds=60))["resultType"] == "task"


@pytest.mark.requirement("tasks-notifications")
async def test_a_listener_hears_how_its_tasks_stand(able: TaskClient, runner: RunnerThread) -> None:
    del runner
    task_id = (await able.call("confirm_delete", filename="a.txt"))["taskId"]
    await able.until(task_id, "input_required")
    stream = able.open("subscriptions/listen", {"notifications": {"taskIds": [task_id, NOBODYS]}})
    assert await stream.start() == 200
    assert f'"taskIds":["{task_id}"]' in await stream.frame()
    await able.ask("tasks/update", taskId=task_id, inputResponses={"confirm": {"action": "cancel"}})
    heard = await stream.frame()
    while '"status":"completed"' not in heard:
        heard = await stream.frame()
    assert '"method":"notifications/tasks"' in heard
    assert "a.txt was kept." in heard
    await stream.leave()


@pytest.mark.requirement("tasks-opt-in")
async def test_who_did_not_declare_tasks_may_not_listen_for_them(path: str, worker: Worker) -> None:
    unable = TaskClient(Client(worker, path), {})
    answer = await unable.ask("subscriptions/listen", notifications={"taskIds": [NOBODYS]})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32021)
