"""A platform that runs a copy of the code, with a wrapped clock: new code under load, and a clock that jumps."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos import wrapped_clock
from tests.chaos.accounts import at
from tests.chaos.calls import Account, encoded, headers_of
from tests.chaos.house import OURS, ROOT, RUNTIMES, House, say
from tests.chaos.http1 import Connection, Lost, request
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "wrapped"
HOUSE = "wrapped"
PACKAGES = ("platform", "tenants", "billing", "mcp_runtime", "console")
JUMPS = {"an hour ahead": 3_600, "an hour back": -3_600, "two days ahead": 172_800, "two days back": -172_800}
JUMPED_SECONDS = 10.0
CHANGED = Path("mcp_runtime/sources/builtin/identifiers.py")
FORMER, LATTER = "str(make())", '"00000000-0000-4000-8000-00000000c0de"'
_SHIFTED = "SELECT count(*) FROM billing_usageevent WHERE abs(extract(epoch FROM at - now())) > 3000"
TOOL = "generate_uuid"
CALLS = 30
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


class WrappedHouse(House):
    """Its code is a copy in its folder; the wall clock of its own processes is what a file says."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port)
        self.code = self.platform.state / "code"
        self._clock = self.platform.state / "clock"
        self.set_clock(0)
        for name in PACKAGES:
            shutil.copytree(ROOT / name, self.code / name)
        shutil.copy(wrapped_clock.__file__, self.code / "sitecustomize.py")
        self.platform.environment |= {
            "PYTHONPATH": f"{self.code}:{self.code / 'platform'}",
            wrapped_clock.VARIABLE: str(self._clock),
        }

    def set_clock(self, seconds: int) -> None:
        """Sets the clock so far from the real one."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(seconds), encoding="ascii")
        fresh.rename(self._clock)


def jump(seconds: int) -> Strike:
    """Has the clock jump, and jump back."""

    async def strike(scene: Scene, trial: Trial) -> None:
        house = _wrapped(scene)
        scene.hit(trial)
        house.set_clock(seconds)
        try:
            await asyncio.sleep(JUMPED_SECONDS)
        finally:
            house.set_clock(0)
        scene.healed(trial)
        trial.notes.append(f"rows with a shifted time: {await _shifted(house)}")
        if not await _shifted(house):
            trial.broken.append("no call was written down with the shifted time: the injector is out of date")

    return strike


async def _shifted(house: House) -> int:
    return int((await at(house.admin_url())(_SHIFTED))[0][0])


async def new_code(scene: Scene, trial: Trial) -> None:
    """Changes the code, and reloads under load: every answer comes from the new code, and no request has failed."""
    house = _wrapped(scene)
    file = house.code / CHANGED
    former = file.read_text(encoding="utf-8")
    if FORMER not in former or await _answers_of_new_code(house):
        trial.broken.append("the code that is to be changed is not what it was: the injector is out of date")
    scene.hit(trial)
    file.write_text(former.replace(FORMER, LATTER), encoding="utf-8")
    try:
        await house.command("reload")
    finally:
        scene.healed(trial)
        file.write_text(former, encoding="utf-8")
    fresh = await _answers_of_new_code(house)
    if fresh != CALLS:
        trial.broken.append(f"{fresh} of {CALLS} answers came from the new code")


async def _answers_of_new_code(house: House) -> int:
    facts = house.platform.facts
    url = urlsplit(facts["mcp_url"])
    account = Account("", facts["tenant"], url.path, facts["api_key"])
    body = encoded(1, "tools/call", {"name": TOOL, "arguments": {}, "_meta": META})
    asked = request("POST", url.path, headers_of(account, f"localhost:{house.port}", TOOL), body)
    found = 0
    for _ in range(CALLS):
        connection = Connection(house.port)
        try:
            answer = await connection.ask(asked, 5.0)
            found += LATTER.strip('"') in json.dumps(json.loads(answer.body)["result"])
        except Lost as lost:
            say(f"a call of {TOOL} failed: {lost}")
        finally:
            connection.close()
    return found


def _wrapped(scene: Scene) -> WrappedHouse:
    if not isinstance(scene.house, WrappedHouse):
        raise TypeError("this case needs a wrapped house")
    return scene.house


def cases() -> Iterator[Case]:
    """All of them."""
    name = "new code is reloaded under calls"
    yield Case(name, GROUP, Load.CALLS, new_code, OURS, 60.0, trials=2, goes_on=True, replaced=True, house=HOUSE)
    for words, seconds in JUMPS.items():
        name = f"the clock jumps {words}"
        yield Case(name, GROUP, Load.CALLS, jump(seconds), RUNTIMES, 60.0, trials=2, goes_on=True, house=HOUSE)
