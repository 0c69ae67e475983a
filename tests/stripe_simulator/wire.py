"""HTTP: the API with its keys and errors, the hosted pages, and `/_simulator`, by which tests make it fail."""

import asyncio
import json
import random
import secrets
import threading
import traceback
from base64 import b64decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import stripe

from tests.stripe_simulator import connect, pages, refunds
from tests.stripe_simulator.faults import Fault, missing, unauthorized
from tests.stripe_simulator.forms import decode
from tests.stripe_simulator.webhooks import Weather
from tests.stripe_simulator.world import Asked, Outage, World, version_checked

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]
type Response = tuple[int, dict[str, str], bytes]
type Answered = Response | Outage
_LONGEST_BODY = 1024 * 1024


class Application:
    """The ASGI application. `world` is all that it knows."""

    def __init__(self, kept: Path | None = None) -> None:
        self.world = World()
        self._kept = kept
        if kept:
            self.world.recall(kept)
        self._is_changed = False
        self._stopped = threading.Event()
        self._clock = threading.Thread(target=self._run, name="clock", daemon=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = await _body(receive)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        with self.world.lock:
            self._is_changed |= scope["method"] != "GET"
            answered = self._answer(scope, headers, body)
        if isinstance(answered, Outage):
            await asyncio.sleep(answered.seconds)
            await _break_off(send)
        else:
            await _send(send, answered)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._clock.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stopped.set()
        self.world.deliverer.stop()
        self._keep()
        await send({"type": "lifespan.shutdown.complete"})

    def _run(self) -> None:
        while not self._stopped.wait(1.0):
            self.world.tick()
            self._keep()

    def _keep(self) -> None:
        if self._kept and self._is_changed:
            self._is_changed = False
            self.world.keep(self._kept)

    def _answer(self, scope: Scope, headers: dict[str, str], body: bytes) -> Answered:
        path, method = scope["path"], scope["method"]
        if path.startswith("/_simulator/"):
            return self._control(path.removeprefix("/_simulator/"), body)
        if path.startswith("/_hosted/"):
            return self._hosted(path, method, body)
        return self._api(scope, headers, body)

    def _api(self, scope: Scope, headers: dict[str, str], body: bytes) -> Answered:
        path, request_id = scope["path"], f"req_{secrets.token_hex(7)}"
        said = {"request-id": request_id, "stripe-version": stripe.api_version, "content-type": "application/json"}
        outage = self.world.outage(scope["method"], path)
        if outage and not outage.is_done:
            return _failing(outage, said)
        try:
            text = (
                scope["query_string"].decode() if scope["method"] in {"GET", "DELETE"} and not body else body.decode()
            )
            account = self.world.account(_key(headers), headers.get("stripe-account"))
            version_checked(headers.get("stripe-version"))
            asked = Asked(scope["method"], path, decode(text), f"{scope['scheme']}://{headers['host']}", request_id,
                          headers.get("idempotency-key"))  # fmt: skip
            status, answered = self.world.answer(account, asked)
            said |= {"idempotent-replayed": "true"} if asked.replayed else {}
        except Fault as fault:
            status, answered = fault.status, {"error": fault.error}
        except Exception:  # noqa: BLE001  a defect of the simulator: to be seen, and no answer of Stripe's
            traceback.print_exc()
            status, answered = 500, {"error": {"type": "api_error", "message": "The simulator failed; see its log."}}
        self.world.log.append({"method": scope["method"], "path": path, "status": status, "body": text})
        return _failing(outage, said) if outage else (status, said, json.dumps(answered, default=str).encode())

    def _hosted(self, path: str, method: str, body: bytes) -> Response:
        _, _, kind, identifier = path.split("/", 3)
        html = {"content-type": "text/html; charset=utf-8"}
        try:
            if kind not in {"account", "checkout", "portal", "invoice", "onboarding"}:
                raise missing("page", kind)
            draw, act = pages.shown(self.world, kind, identifier)
        except Fault as fault:
            return 404, html, pages.page("Not found", "", str(fault)).encode()
        if method != "POST":
            return 200, html, draw("").encode()
        try:
            where = act(dict(parse_qsl(body.decode())))
        except Fault as fault:
            return 402 if fault.status == 402 else 400, html, draw(str(fault)).encode()
        return 303, {"location": where or path}, b""

    def _control(self, path: str, body: bytes) -> Response:
        """What tests tell it: the weather of webhooks, outages of the API, what banks do; and what was asked of it."""
        told = json.loads(body) if body else {}
        answered = _CONTROLS[path](self.world, told) if path in _CONTROLS else {"error": f"there is no {path}"}
        return 200 if path in _CONTROLS else 404, {"content-type": "application/json"}, json.dumps(answered).encode()


def _key(headers: dict[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return b64decode(value).decode().partition(":")[0]
    if scheme.lower() != "bearer" or not value:
        raise unauthorized("none-given")
    return value


def _failing(outage: Outage, said: dict[str, str]) -> Answered:
    if outage.status == 0:
        return outage  # the connection ends in the middle of the answer
    kind = "invalid_request_error" if outage.status == 429 else "api_error"
    code = "rate_limit" if outage.status == 429 else None
    error = {"type": kind, "message": "This is a simulated outage.", "code": code}
    return outage.status, said, json.dumps({"error": error}).encode()


def _weather(world: World, told: dict[str, Any]) -> Any:
    seed = told.pop("seed", 0)
    world.deliverer.weather = Weather(**told, chance=random.Random(seed))  # noqa: S311  no secret
    world.deliverer.release()
    return {}


def _outage(world: World, told: dict[str, Any]) -> Any:
    """Answers how many outages of those before are still to come."""
    left = sum(outage.times for outage in world.outages)
    world.outages = [Outage(**each) for each in told["outages"]]
    return {"left": left}


def _dispute(world: World, told: dict[str, Any]) -> Any:
    account = world.account(told["key"], told.get("account"))
    if "close" in told:
        return refunds.dispute_close(account, told["close"], told["status"])
    return refunds.dispute_open(account, told["charge"])


def _account(world: World, told: dict[str, Any]) -> Any:
    """What the owner of a connected account does, or Stripe does to it."""
    account = world.account(told["key"])
    if "restrict" in told:
        connect.restrict(account, told["account"], told["restrict"])
    for name in {"newcomers_clock", "never_paid"} & told.keys():
        setattr(account.connected[told["account"]], name, told[name])
    if told.get("deauthorize"):
        connect.deauthorize(account, told["account"])
    return {}


_CONTROLS: dict[str, Callable[[World, dict[str, Any]], Any]] = {
    "webhooks": _weather,
    "outages": _outage,
    "disputes": _dispute,
    "accounts": _account,
    "requests": lambda world, _told: world.log[-1_000:],
}


async def _break_off(send: Send) -> None:
    """An answer that promises more than comes, so that the server closes the connection in the middle of it."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{"})


async def _body(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > _LONGEST_BODY or not message.get("more_body"):
            return b"".join(pieces)[:_LONGEST_BODY]


async def _send(send: Send, response: Response) -> None:
    status, headers, body = response
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
