"""The kept inputs of the fuzzers, again; and that their checks see what is wrong."""

import json
from collections.abc import Iterator

import pytest

from mcp_runtime.protocol import jsonrpc
from mcp_runtime.protocol.replies import Reply
from tests.fuzz import corpus, seeds, strict
from tests.fuzz.framing import Framing
from tests.fuzz.invariants import Broken, Overdue, Runtime, check_decoder
from tests.fuzz.mutating import mutate
from tests.fuzz.structured import Structured, run

PING = b'9\n\n{"jsonrpc":"2.0","id":"a","method":"ping"}'


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    """The protocol without a network."""
    made = Runtime()
    yield made
    made.close()


def test_the_decoder_agrees_with_a_strict_reader_on_every_kept_input() -> None:
    for body in (*seeds.READING, *corpus.inputs_of("decoder")):
        check_decoder(body)


def test_the_ladder_answers_every_kept_input(runtime: Runtime) -> None:
    framing = Framing(runtime)
    statuses = set()
    for data in (*seeds.ladder(), *corpus.inputs_of("ladder")):
        reply = runtime.check(*framing.read(data))
        statuses.add(reply.status if reply else 200)
    assert statuses >= {200, 202, 400, 404}


def test_messages_made_from_the_inside_break_nothing(runtime: Runtime) -> None:
    checks = Structured(runtime)
    run(checks, examples=40, number=1)
    assert checks.count >= 120


def test_first_inputs_get_far(runtime: Runtime) -> None:
    framing = Framing(runtime)
    replies = [runtime.check(*framing.read(data)) for data in seeds.ladder()]
    results = [reply for reply in replies if reply and b'"result"' in reply.body]
    assert len(results) > 50
    assert any(b'"input_required"' in reply.body for reply in results)
    assert any(b"likes no color" in reply.body or b"step2" in reply.body for reply in results)


@pytest.mark.parametrize(
    ("reader", "body"),
    [(json.loads, b'{"a":1,"a":2}'), (json.loads, b"[NaN]"), (json.loads, b'["\\ud800"]'), (lambda _: 1.0, b"1")],
)
def test_a_lenient_decoder_would_be_noticed(monkeypatch: pytest.MonkeyPatch, reader: object, body: bytes) -> None:
    monkeypatch.setattr(jsonrpc, "decode", reader)
    with pytest.raises(Broken):
        check_decoder(body)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b'{"jsonrpc":"2.0","id":"a","result":{}}'),
        Reply(200, b'{"jsonrpc":"2.0","id":"b","result":{}}'),
        Reply(200, b'{"jsonrpc":"2.0","id":null,"result":{}}'),
        Reply(200, b'{"jsonrpc":"2.0","id":"a"}'),
        Reply(200, b"<html>"),
        Reply(200, b""),
        Reply(200, b'{"jsonrpc":"2.0","id":"a","error":{"code":-32603,"message":"","data":{"request_id":"1"}}}'),
    ],
)
def test_a_wrong_answer_would_be_noticed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, reply: Reply) -> None:
    asked = Framing(runtime).read(PING)
    monkeypatch.setattr("mcp_runtime.protocol.ladder.receive", lambda *_: reply)
    with pytest.raises(Broken):
        runtime.check(*asked)


def test_a_slow_answer_would_be_noticed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.invariants.SECONDS", 0)
    with pytest.raises(Overdue):
        runtime.check(*Framing(runtime).read(PING))


def test_mutations_keep_a_body_json() -> None:
    changed = [mutate(PING, seed) for seed in range(200)]
    bodies = [data.partition(b"\n\n")[2] for data in changed if data]
    assert len(set(bodies)) > 100
    for body in bodies:
        json.loads(body)
    assert mutate(b"9\n\n{", 1) is None
    assert strict.same(json.loads(bodies[0]), json.loads(bodies[0]))
