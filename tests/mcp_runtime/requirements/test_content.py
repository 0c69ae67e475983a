"""Prompts, resources, completion and caching: what is answered where nothing is wrong."""

from typing import Any

import pytest

from tests.mcp_runtime.requirements.speaking import EVERY_REVISION, STATELESS_REVISIONS, Speaker, result_of, since

requirement = pytest.mark.requirement
ASK = {"type": "ref/prompt", "name": "ask"}


@requirement("get-prompt")
@EVERY_REVISION
async def test_a_prompt_is_written_with_its_arguments_and_these_are_text_alone(speaker: Speaker) -> None:
    for who in ("Joe", "{who}", "", "Jo\u00e9\n"):
        got = result_of(await speaker.ask("prompts/get", {"name": "greet", "arguments": {"who": who}}))
        assert got["messages"] == [{"role": "user", "content": {"type": "text", "text": f"Hello {who}"}}]


@requirement("completion")
@EVERY_REVISION
async def test_a_hundred_values_are_proposed_at_most_and_the_rest_is_counted(speaker: Speaker) -> None:
    params = {"ref": ASK, "argument": {"name": "who", "value": "Jo"}}
    completion = result_of(await speaker.ask("completion/complete", params))["completion"]
    assert completion["values"][:2] == ["Jo0", "Jo1"]
    assert (len(completion["values"]), completion["total"], completion["hasMore"]) == (100, 150, True)


@requirement("completion-context")
@since("2025-06-18")
async def test_what_was_chosen_already_is_known_to_who_completes(speaker: Speaker) -> None:
    context = {"arguments": {"where": "Oslo"}}
    params = {"ref": ASK, "argument": {"name": "who", "value": ""}, "context": context}
    assert result_of(await speaker.ask("completion/complete", params))["completion"]["values"] == ["Oslo"]


@requirement("completion")
@EVERY_REVISION
async def test_a_template_without_proposals_has_none(speaker: Speaker) -> None:
    reference = {"type": "ref/resource", "uri": "notes://day/{day}"}
    params = {"ref": reference, "argument": {"name": "day", "value": "m"}}
    completion = result_of(await speaker.ask("completion/complete", params))["completion"]
    assert completion["values"] == []


@requirement("caching")
@STATELESS_REVISIONS
async def test_what_can_be_cached_says_how_long_and_for_whom_and_nothing_else_does(speaker: Speaker) -> None:
    cacheable: dict[str, dict[str, Any]] = {
        "server/discover": {}, "tools/list": {}, "prompts/list": {}, "resources/list": {},
        "resources/templates/list": {}, "resources/read": {"uri": "notes://today"},
    }  # fmt: skip
    for method, params in cacheable.items():
        result = result_of(await speaker.ask(method, params))
        assert type(result["ttlMs"]) is int, method
        assert result["ttlMs"] >= 0
        # What a key sees depends on the key.
        assert result["cacheScope"] == "private"
    for method, params in (("tools/call", {"name": "echo"}), ("prompts/get", {"name": "rich"})):
        assert {"ttlMs", "cacheScope"}.isdisjoint(result_of(await speaker.ask(method, params)))


@requirement("trace-context")
@STATELESS_REVISIONS
async def test_trace_context_and_unknown_meta_are_taken(speaker: Speaker) -> None:
    meta = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b", "baggage": "c=d",
        "com.example/whatever": {"x": [1]},
    }  # fmt: skip
    for odd in (meta, {"traceparent": "nonsense"}, {"traceparent": 7}):
        assert result_of(await speaker.ask("tools/call", {"name": "echo", "_meta": odd}))["isError"] is False
