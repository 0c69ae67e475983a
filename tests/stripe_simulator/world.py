"""All of it: accounts by their keys, the deliverer of webhooks, what the API is told to fail at, and who may ask."""

import copy
import hashlib
import pickle
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe

from tests.stripe_simulator import clocks, entitlements, invoicing, refunds, subscriptions  # noqa: F401  (routes)
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.faults import Fault, invalid, unauthorized
from tests.stripe_simulator.parameters import checked
from tests.stripe_simulator.routing import Request, expanded, find
from tests.stripe_simulator.shapes import Object
from tests.stripe_simulator.webhooks import Deliverer


@dataclass
class Outage:
    """The next `times` requests whose path begins with `path` are answered with this status instead; 0 is silence."""

    status: int
    times: int = 1
    path: str = "/v1/"
    # Whether what was asked for is done all the same, and only the answer is lost.
    is_done: bool = False
    # How long it lasts until the line is cut, for clients that wait no longer.
    seconds: float = 0.0
    # Which requests: all, or those of one method; and how many of them are answered before it begins.
    method: str = ""
    after: int = 0


@dataclass
class World:
    """Everything that the process knows. One request at a time."""

    deliverer: Deliverer = field(default_factory=Deliverer)
    accounts: dict[str, Account] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    log: list[Object] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def account(self, key: str, connected: str | None = None) -> Account:
        """Whose key it is; each `sk_test_…` has an account. Raises Fault for keys of other forms."""
        if not key.startswith(("sk_test_", "rk_test_")):
            raise unauthorized(key or "none")
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        if key not in self.accounts:
            self.accounts[key] = Account(f"acct_{digest}", self.deliverer.heard)
        found = self.accounts[key]
        if connected in {None, found.id}:
            return found
        if connected not in found.connected:
            raise Fault(403, "invalid_request_error", f"The provided key does not have access to '{connected}'.",
                        code="account_invalid")  # fmt: skip
        return found.connected[connected]

    def everybody(self) -> list[Account]:
        """Each account, and those under it."""
        return [each for account in self.accounts.values() for each in (account, *account.connected.values())]

    def keep(self, file: Path) -> None:
        """Writes all accounts to a file, as a whole or not at all."""
        with self.lock:
            content = pickle.dumps(self.accounts)
        fresh = file.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(file)

    def recall(self, file: Path) -> None:
        """Goes on with what `keep` wrote; without such a file, or with one of another make, with nothing."""
        try:
            self.accounts = pickle.loads(file.read_bytes())  # noqa: S301  written here
        except (OSError, pickle.UnpicklingError, AttributeError, EOFError, ImportError):
            return
        for account in self.everybody():
            account.heard = self.deliverer.heard

    def tick(self) -> None:
        """Lets happen what is due for those who live by the real clock."""
        with self.lock:
            for account in self.everybody():
                clocks.run_until(account, None, account.now())

    def answer(self, account: Account, asked: "Asked") -> tuple[int, Object]:
        """Status and body of the answer to a request; the same again for the same idempotency key."""
        account.request_id, account.idempotency_key = asked.request_id, asked.idempotency_key
        try:
            if asked.method != "POST" or not asked.idempotency_key:
                return 200, self._do(account, asked)
            return self._once(account, asked, asked.idempotency_key)
        except Fault as fault:
            return fault.status, {"error": fault.error}

    def _once(self, account: Account, asked: "Asked", key: str) -> tuple[int, Object]:
        digest = hashlib.sha256(f"{asked.path}{asked.params!r}".encode()).hexdigest()
        known = account.idempotent.get(key)
        if known is not None and known[0] != digest:
            raise Fault(400, "idempotency_error", "Keys for idempotent requests can only be used with the same "
                        f"parameters they were first used with. Try using a key other than '{key}'.")  # fmt: skip
        if known is not None:
            asked.replayed = True
            return known[1]
        try:
            answered = 200, self._do(account, asked)
        except Fault as fault:
            answered = fault.status, {"error": fault.error}
            if fault.status == 400 and fault.error.get("code", "").startswith("parameter_"):
                return answered  # what never began can be asked again
        account.idempotent[key] = (digest, answered)
        return answered

    def _do(self, account: Account, asked: "Asked") -> Object:
        operation, ids = find(asked.method, asked.path)
        params = checked(operation.params, asked.params)
        request = Request(account, params, ids, asked.base, asked.path)
        if params.get("payment_behavior") == "error_if_incomplete":
            with account.rehearsal(keeps=True):
                made = operation.handler(request)
        else:
            made = operation.handler(request)
        return copy.deepcopy(expanded(account, made, params.get("expand") or []))

    def outage(self, method: str, path: str) -> Outage | None:
        """What this request at `path` is to fail with."""
        for outage in self.outages:
            if not path.startswith(outage.path) or outage.method not in {"", method} or not outage.times:
                continue
            if outage.after == 0:
                outage.times -= 1
                return outage
            outage.after -= 1
        return None


@dataclass
class Asked:
    """A request as it came. `replayed` is set where its answer is one that was given before."""

    method: str
    path: str
    params: dict[str, Any]
    base: str
    request_id: str
    idempotency_key: str | None = None
    replayed: bool = False


def version_checked(version: str | None) -> None:
    """Raises Fault for another version of the API than the client's."""
    if version not in {None, stripe.api_version}:
        raise invalid(f"Invalid Stripe API version: {version}")
