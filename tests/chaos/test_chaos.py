"""The chaos suite's own arithmetic: calls and their numbers, the balance with the ledger, percentiles, the plan."""

import asyncio
import json
from collections import Counter

import pytest

from tests.chaos import report
from tests.chaos.__main__ import all_cases, trials_of
from tests.chaos.accounts import balance
from tests.chaos.calls import CALLS, body_of, is_right, number_of, text_of, tool_of
from tests.chaos.http1 import Connection, Lost, request
from tests.chaos.probe import Heard, Outcome
from tests.chaos.scene import Load, Trial
from tests.chaos.upstream import Upstream

NUMBERS = (0, 1, 255, 256, 65_535, 65_536, 123_456, CALLS - 1)
ANSWER = 90


@pytest.mark.parametrize("number", NUMBERS)
def test_a_line_of_the_ledger_tells_which_call_it_is(number: int) -> None:
    trace = tool_of(number), len(body_of("a", number)), ANSWER + number % 256
    assert number_of("a", trace, ANSWER) == number


def test_a_line_that_is_no_call_of_ours_is_none() -> None:
    assert number_of("a", ("echo_00", 10, ANSWER), ANSWER) is None
    assert number_of("a", ("other", len(body_of("a", 0)), ANSWER), ANSWER) is None
    with pytest.raises(ValueError, match="none of them"):
        body_of("a", CALLS)


def answer_to(tenant: str, number: int) -> bytes:
    message_id = json.loads(body_of(tenant, number))["id"]
    return json.dumps({"id": message_id, "result": {"content": [{"text": text_of(tenant, number)}]}}).encode()


def test_only_the_answer_to_the_call_is_right() -> None:
    assert is_right("a", 7, answer_to("a", 7))
    for wrong in (answer_to("b", 7), answer_to("a", 8), b"<html>", b"{}", b""):
        assert not is_right("a", 7, wrong)


def heard(number: int, outcome: Outcome) -> Heard:
    return Heard(0, number, 0.0, 0.0, outcome)


def test_the_balance_finds_what_is_lost_doubled_and_strange() -> None:
    calls = [heard(0, Outcome.GOOD), heard(1, Outcome.GOOD), heard(2, Outcome.LOST), heard(3, Outcome.LOST)]
    even = balance(calls, Counter({0: 1, 1: 1, 3: 1}), 4)
    assert even.is_even
    assert (even.acknowledged, even.unknown, even.done) == (2, 2, 1)
    assert balance(calls, Counter({0: 1}), 4).lost == (1,)
    assert balance(calls, Counter({0: 1, 1: 2}), 4).doubled == (1,)
    assert balance(calls, Counter({0: 1, 1: 1, 9: 1, None: 2}), 4).strange == 3


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 21)]
    assert report.percentile(values, 0.5) == 10
    assert report.percentile(values, 0.95) == 19
    assert report.percentile([3.0], 0.95) == 3


def test_the_table_says_what_broke() -> None:
    good = Trial("kill -9 beat, idle", "kill", Load.IDLE, 1, answered=0.05, restored=0.5, good=3)
    bad = Trial("kill -9 beat, idle", "kill", Load.IDLE, 2, lost=1, broken=["it is gone", "it is gone"])
    assert "| kill -9 beat, idle | 2 |  |  | 50 / 50 | 500 / 500 | 0 |  | 3 | 0 | 0 | 0 | 1 | 0 | 1 |" in report.table(
        [good, bad]
    )
    assert list(report.complaints([good, bad])) == ["kill -9 beat, idle (trial 2): it is gone"]


def test_trials_of_a_group_take_turns_and_names_are_unique() -> None:
    cases = list(all_cases())
    assert len({case.name for case in cases}) == len(cases)
    plan = [(case.name, number) for case, number in trials_of(cases[:2], short=False, most=2)]
    assert plan == [(cases[0].name, 1), (cases[1].name, 1), (cases[0].name, 2), (cases[1].name, 2)]
    assert len(list(trials_of(cases, short=True, most=9))) < 40


async def test_the_probe_notices_how_an_upstream_misbehaves() -> None:
    upstream = Upstream()
    connection = Connection(await upstream.start())
    asked = {
        name: request("GET", f"/{name}", {"Host": "localhost"}) for name in ("well", "garbage", "mid_stream", "busy")
    }
    try:
        assert (await connection.ask(asked["well"], 5)).body == b'{"ok": true}'
        assert (await connection.ask(asked["busy"], 5)).status == 429
        for name in ("garbage", "mid_stream"):
            with pytest.raises(Lost):
                await connection.ask(asked[name], 5)
        assert (await connection.ask(asked["well"], 5)).status == 200
    finally:
        connection.close()
        await upstream.stop()
        await asyncio.sleep(0)
