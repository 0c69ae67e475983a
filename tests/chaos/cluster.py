"""Several hosts against one PostgreSQL and one Valkey, without sticky sessions; and one of them cut off for a while."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.chaos.accounts import settled
from tests.chaos.calls import Account
from tests.chaos.hosts import PORT, WORKERS, Hosts
from tests.chaos.http1 import Connection, Lost, dial, read_head, request
from tests.chaos.network import NoNamespaces
from tests.chaos.probe import Outcome, Probe, all_answered
from tests.chaos.scene import Load, Trial
from tests.chaos.streams import Streams, open_session, session_headers

GROUP = "cluster"
ANSWER_SECONDS = 5.0
REQUESTS = 20
LISTENERS = 10
HEARD_SECONDS = 10.0
LIMIT = 40
CROWD = 40
# Longer than a lease is good for.
CUT_SECONDS = 40.0
CAUGHT_UP_SECONDS = 30.0
CUT, KEPT = WORKERS
_LEASED = """
    SELECT coalesce(sum(slots) FILTER (WHERE expires_at > now()), 0)::int, count(*) FILTER (WHERE expires_at > now())
    FROM mcp_runtime_connectionlease WHERE tenant_id = %s
"""
# What the tenants' plan has.
SOLD = 500_000
_LIMIT = "UPDATE billing_entitlement SET connections = %s WHERE tenant_id = %s"

type Check = Callable[["Hosts", Trial], Awaitable[None]]


async def elsewhere(hosts: Hosts, trial: Trial) -> None:
    """Sessions begun at one host are served at the other."""
    account = hosts.accounts[0]
    for number in range(REQUESTS):
        session = await open_session(account, PORT, hosts.space(WORKERS[number % 2]))
        answer = await _post(hosts, WORKERS[1 - number % 2], account, session, _message(1, "tools/list"))
        if answer.status == 200 and b'"tools"' in answer.body:
            trial.good += 1
        else:
            trial.broken.append(f"a session of the other host: {answer.status} {answer.body[:200]!r}")


async def asked(hosts: Hosts, trial: Trial) -> None:
    """A call's stream is at one host, the answer to its question is posted to the other."""
    account = Account(hosts.accounts[0].tenant_id, "chaos-a", "/t/chaos-a/conformance/mcp", "")
    session = await open_session(account, PORT, hosts.space(CUT), elicitation={})
    call = _message(7, "tools/call", name="test_elicitation", arguments={"message": "Who are you?"})
    reader, writer = await dial(PORT, hosts.space(CUT))
    try:
        async with asyncio.timeout(ANSWER_SECONDS * 2):
            headers = session_headers(account, f"localhost:{PORT}", session)
            writer.write(request("POST", account.path, headers, call))
            await read_head(reader)
            question = await _event(reader, lambda message: message.get("method") == "elicitation/create")
            content = {"username": "Joe", "email": "joe@example.com"}
            result = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": content}}
            began = time.monotonic()
            posted = await _post(hosts, KEPT, account, session, json.dumps(result).encode())
            answer = await _event(reader, lambda message: message.get("id") == 7)
    finally:
        writer.transport.abort()
    trial.restored = time.monotonic() - began
    if posted.status != 202 or "joe@example.com" not in json.dumps(answer):
        trial.broken.append(f"the answer was posted ({posted.status}), and the call ended so: {answer}")
    trial.good += 1


async def _event(reader: asyncio.StreamReader, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            message: dict[str, Any] = json.loads(line[6:])
            if wanted(message):
                return message
    raise Lost("the stream ended")


async def everybody_hears(hosts: Hosts, trial: Trial) -> None:
    """A change reaches the streams of all hosts."""
    account = hosts.accounts[0]
    streams = [Streams(account, PORT, LISTENERS, hosts.space(host)) for host in WORKERS]
    for each in streams:
        each.start()
    try:
        await _until(lambda: all(each.are_open == LISTENERS for each in streams), HEARD_SECONDS)
        await asyncio.to_thread(_change, hosts, f"changed at {time.time()}")
        began = time.monotonic()
        if not await _until(lambda: all(_heard(each) == LISTENERS for each in streams), HEARD_SECONDS):
            trial.broken.append(f"a change was heard by {[_heard(each) for each in streams]} of {LISTENERS} each")
        # The change had committed when the command came back: what is left is at most the way to the streams.
        trial.restored = time.monotonic() - began
        trial.good += sum(_heard(each) for each in streams)
    finally:
        for each in streams:
            await each.stop()


def _heard(streams: Streams) -> int:
    events = streams.events.values()
    return sum(any(event.get("method") == "notifications/tools/list_changed" for event in one) for one in events)


async def exact_quota(hosts: Hosts, trial: Trial) -> None:
    """A crowd at both hosts at once: never more than the tenant's limit are let in."""
    held = await _crowd(hosts, trial)
    await _let_go(hosts, held)


async def _crowd(hosts: Hosts, trial: Trial) -> list[asyncio.StreamWriter]:
    """Opens more streams than may be, at all hosts at once; those that were let in."""
    account = hosts.accounts[2]
    hosts.select(_LIMIT, LIMIT, account.tenant_id)
    sessions = {host: await open_session(account, PORT, hosts.space(host)) for host in WORKERS}
    opened = await asyncio.gather(
        *(_stream(hosts, host, account, sessions[host]) for _ in range(CROWD) for host in WORKERS)
    )
    held = [writer for status, _, writer in opened if status == 200]
    refused = [(status, headers) for status, headers, _ in opened if status != 200]
    trial.good, trial.refused = len(held), len(refused)
    leased, _ = hosts.select(_LEASED, account.tenant_id)[0]
    trial.notes.append(f"limit {LIMIT}: {len(held)} let in, {leased} leased")
    if len(held) > LIMIT or leased > LIMIT:
        trial.broken.append(f"{len(held)} were let in where {LIMIT} may, {leased} are leased")
    if any(status != 429 or "retry-after" not in headers for status, headers in refused):
        trial.broken.append(f"refused without 429 and Retry-After: {refused[:3]}")
    return held


async def _stream(
    hosts: Hosts, host: str, account: Account, session: str
) -> tuple[int, dict[str, str], asyncio.StreamWriter]:
    reader, writer = await dial(PORT, hosts.space(host))
    headers = session_headers(account, f"localhost:{PORT}", session) | {"Accept": "text/event-stream"}
    writer.write(request("GET", account.path, headers))
    # A crowd at once, on a machine that others use too.
    async with asyncio.timeout(ANSWER_SECONDS * 4):
        status, answered = await read_head(reader)
    if status != 200:
        writer.transport.abort()
    return status, answered, writer


async def _let_go(hosts: Hosts, held: list[asyncio.StreamWriter]) -> None:
    for writer in held:
        writer.transport.abort()
    hosts.select(_LIMIT, SOLD, hosts.accounts[2].tenant_id)


async def cut_off(hosts: Hosts, trial: Trial) -> None:
    """One host loses its cable for longer than a lease: all clients go on, and nobody is lost when it is back."""
    probes = [
        Probe(account, PORT, lines=4, interval=0.05, space=hosts.space(host))
        for account, host in zip(hosts.accounts, WORKERS, strict=False)
    ]
    for probe in probes:
        probe.start()
    held = await _crowd(hosts, trial)
    try:
        trial.began = time.monotonic()
        hosts.network.cut(CUT)
        await asyncio.sleep(CUT_SECONDS)
        leased, workers = hosts.select(_LEASED, hosts.accounts[2].tenant_id)[0]
        trial.notes.append(f"after {CUT_SECONDS:.0f} s: {workers} workers hold leases, of {leased} connections")
        if workers > 1 or leased > LIMIT:
            trial.broken.append(f"after {CUT_SECONDS:.0f} s {workers} workers hold leases, {leased} in all")
        await asyncio.to_thread(_change, hosts, "changed while one host was cut off")
        hosts.network.join(CUT)
        trial.healed_at = time.monotonic()
        trial.lasted = trial.healed_at - trial.began
        await _catches_up(hosts, trial, probes)
    finally:
        hosts.network.join(CUT)
        for probe in probes:
            await probe.stop()
        await _let_go(hosts, held)
    await _account(hosts, trial, probes)


async def _catches_up(hosts: Hosts, trial: Trial, probes: list[Probe]) -> None:
    """It has what changed meanwhile, lets nobody in above the limit, and clients are answered."""
    account, limit = hosts.accounts[0], time.monotonic() + CAUGHT_UP_SECONDS
    session = ""
    while time.monotonic() < limit:
        try:
            session = session or await open_session(account, PORT, hosts.space(CUT))
            answer = await _post(hosts, CUT, account, session, _message(1, "tools/list"))
            if b"changed while one host was cut off" in answer.body:
                trial.restored = time.monotonic() - trial.healed_at
                break
        except Lost:
            session = ""
        await asyncio.sleep(0.1)
    else:
        trial.broken.append(f"what changed was not there within {CAUGHT_UP_SECONDS:.0f} s")
    answered = [all_answered(probe, trial.healed_at) for probe in probes]
    if None not in answered:
        trial.answered = max(moment for moment in answered if moment is not None) - trial.healed_at
    await _counts_again(hosts, trial)


async def _counts_again(hosts: Hosts, trial: Trial) -> None:
    """What is open at both hosts is counted again, and what was lent meanwhile goes back."""
    tenant = hosts.accounts[2].tenant_id
    while (leased := hosts.select(_LEASED, tenant)[0])[0] > LIMIT or leased[1] < len(WORKERS):
        if time.monotonic() - trial.healed_at > CAUGHT_UP_SECONDS:
            trial.broken.append(f"{leased[0]} connections are leased to {leased[1]} workers, where {LIMIT} may be")
            return
        await asyncio.sleep(0.2)
    trial.notes.append(f"{time.monotonic() - trial.healed_at:.1f} s after its return: {leased[0]} leased")


async def _account(hosts: Hosts, trial: Trial, probes: list[Probe]) -> None:
    for probe in probes:
        bad = [each for each in probe.heard if each.outcome is not Outcome.GOOD]
        trial.good += len(probe.heard) - len(bad)
        trial.unknown += sum(each.outcome is Outcome.LOST for each in bad)
        trial.broken += [f"{probe.account.tenant}: a call failed that had to go on: {each.said}" for each in bad[:3]]
        found = await settled(hosts.ask, probe, range(probe.next_number))
        trial.lost += len(found.lost)
        trial.doubled += len(found.doubled)
        if not found.is_even:
            trial.broken.append(f"{len(found.lost)} lost, {len(found.doubled)} twice, {found.strange} nobody's")


CHECKS: dict[str, Check] = {
    "cluster: sessions are served at any host": elsewhere,
    "cluster: a question asked at one host is answered at another": asked,
    "cluster: a change is heard by the streams of all hosts": everybody_hears,
    "cluster: the quota is exact over all hosts": exact_quota,
    f"cluster: a host is cut off for {CUT_SECONDS:.0f} s": cut_off,
}

# All but the one that takes minutes.
SHORT = list(CHECKS)[:-1]


async def perform(names: list[str], say: Callable[[str], None], results: Path) -> list[Trial]:
    """Runs these checks, one after the other, on one cluster. Where there can be no namespaces, says so loudly."""
    hosts, trials = Hosts(), list[Trial]()
    try:
        await hosts.open()
        for name in names:
            trial = Trial(name, GROUP, Load.CALLS, 1, began=time.monotonic())
            trials.append(trial)
            try:
                await CHECKS[name](hosts, trial)
            except (Lost, OSError, TimeoutError, ValueError, KeyError) as error:
                trial.broken.append(f"{type(error).__name__}: {error}")
            say(f"{name}: {'; '.join(trial.broken or trial.notes) or 'well'}")
    except NoNamespaces as reason:
        say(f"SKIPPED, no network namespaces can be made here ({reason}): {', '.join(names)}")
    finally:
        hosts.close(results)
    return trials


async def _post(hosts: Hosts, host: str, account: Account, session: str, body: bytes) -> Any:
    connection = Connection(PORT, hosts.space(host))
    try:
        headers = session_headers(account, f"localhost:{PORT}", session)
        return await connection.ask(request("POST", account.path, headers, body), ANSWER_SECONDS)
    finally:
        connection.close()


def _message(identifier: int, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}).encode()


def _change(hosts: Hosts, description: str) -> None:
    command = f"from tests.chaos import cast; cast.change('chaos-a', {description!r})"
    hosts.django({}, "shell", "--verbosity", "0", "--no-imports", "-c", command)


async def _until(look: Callable[[], bool], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while not look():
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(0.02)
    return True
