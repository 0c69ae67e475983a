"""Accounts and what is in them: objects by id in the order in which they were made, time, and events."""

import copy
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import stripe

from tests.stripe_simulator.faults import missing
from tests.stripe_simulator.shapes import Object, shaped

API_VERSION = stripe.api_version
_PREFIXES = {
    "account": "acct", "application_fee": "fee", "fee_refund": "fr", "balance_transaction": "txn",
    "billing.meter": "mtr",
    "billing.meter_event_summary": "mtrsum", "billing_portal.configuration": "bpc", "billing_portal.session": "bps",
    "charge": "ch", "checkout.session": "cs_test", "coupon": "co", "customer": "cus",
    "customer_balance_transaction": "cbtxn", "discount": "di",
    "dispute": "du", "entitlements.active_entitlement": "ent", "entitlements.feature": "feat", "event": "evt",
    "invoice": "in", "invoice_payment": "inpay", "invoiceitem": "ii", "item": "li", "line_item": "il",
    "payment_intent": "pi", "payment_method": "pm", "price": "price", "product": "prod",
    "product_feature": "prodft", "promotion_code": "promo", "refund": "re", "subscription": "sub",
    "subscription_item": "si", "tax_id": "txi", "test_helpers.test_clock": "clock", "transfer": "tr",
    "webhook_endpoint": "we",
}  # fmt: skip


def new_id(noun: str) -> str:
    """An identifier as Stripe makes them for this kind of object."""
    return f"{_PREFIXES[noun]}_{secrets.token_hex(12)}"


@dataclass
class Account:
    """One account of Stripe's. `heard` is called with each event that happens in it."""

    id: str
    heard: Callable[["Account", Object], None]
    # The account under which this one is, and those under this one.
    platform: "Account | None" = None
    connected: "dict[str, Account]" = field(default_factory=dict)
    livemode: bool = False
    objects: dict[str, Object] = field(default_factory=dict)
    _kinds: dict[str, dict[str, Object]] = field(default_factory=dict)
    # What an idempotency key led to: the request's digest, and status and body of its answer.
    idempotent: dict[str, tuple[str, tuple[int, Object]]] = field(default_factory=dict)
    idempotency_key: str | None = None
    request_id: str | None = None
    # Subscriptions whose trial's end was announced.
    told_of_trials: set[str] = field(default_factory=set)
    # Of webhook endpoints: what they are signed with, and whether they are for accounts under this one.
    secrets: dict[str, str] = field(default_factory=dict)
    connect_endpoints: dict[str, bool] = field(default_factory=dict)
    # What checkout sessions were asked to do, and which features products give.
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    # By which test clock customers live whom Checkout makes; and what becomes of a subscription that is never paid.
    newcomers_clock: str | None = None
    never_paid: str = "cancel"
    features: dict[str, list[str]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """What is kept of it: not who hears."""
        return self.__dict__ | {"heard": None}

    @contextmanager
    def rehearsal(self, *, keeps: bool = False) -> Iterator[None]:
        """What is done inside has not happened afterwards, and nobody hears of it; with `keeps` only if it fails."""
        before, heard = copy.deepcopy((self.objects, self._kinds)), self.heard
        said: list[Object] = []
        self.heard = lambda _account, event: said.append(event)
        try:
            yield
        except BaseException:
            keeps = False
            raise
        finally:
            self.heard = heard
            if not keeps:
                # Objects are shared by both: each has to be the same one in either.
                self.objects, self._kinds = before
        for event in said if keeps else []:
            heard(self, event)

    def connect(self, identifier: str) -> "Account":
        """A new account under this one."""
        made = Account(identifier, self.heard, self, livemode=self.livemode)
        self.connected[identifier] = made
        return made

    def now(self, clock: str | None = None) -> int:
        """Seconds since 1970: those of a test clock where one is given."""
        return int(self.objects[clock]["frozen_time"]) if clock else int(time.time())

    def clock_of(self, customer: str | None) -> str | None:
        """The test clock that a customer lives by."""
        found: str | None = self.objects.get(customer or "", {}).get("test_clock")
        return found

    def time_of(self, customer: str | None) -> int:
        """What time it is for a customer."""
        return self.now(self.clock_of(customer))

    def make(self, kind: type, *, at: int | None = None, **fields: Any) -> Object:
        """A new object, kept. `at` is when it was made."""
        noun = kind.OBJECT_NAME  # type: ignore[attr-defined]  # each class of the client's has one
        declared = kind.__annotations__
        fields.setdefault("id", new_id(noun))
        given: dict[str, Any] = {"object": noun} | fields
        if "created" in declared:
            given.setdefault("created", at if at is not None else self.now())
        if "livemode" in declared:
            given.setdefault("livemode", self.livemode)
        return self.keep(shaped(kind, **given))

    def keep(self, made: Object) -> Object:
        """Keeps an object."""
        self.objects[made["id"]] = made
        self._kinds.setdefault(made["object"], {})[made["id"]] = made
        return made

    def drop(self, gone: Object) -> None:
        """Forgets an object."""
        self.objects.pop(gone["id"], None)
        self._kinds.get(gone["object"], {}).pop(gone["id"], None)

    def all(self, noun: str, **wanted: Any) -> Iterator[Object]:
        """All of a kind, the first made first, whose fields are as wanted."""
        for made in list(self._kinds.get(noun, {}).values()):
            if all(made.get(name) == value for name, value in wanted.items()):
                yield made

    def get(self, noun: str, identifier: str | None, *, param: str = "id", status: int = 404) -> Object:
        """One of them. Raises Fault where there is none."""
        made = self._kinds.get(noun, {}).get(identifier or "")
        if made is None:
            raise missing(noun.rsplit(".", 1)[-1], identifier or "", param=param, status=status)
        return made

    def named(self, noun: str, identifier: str | None, param: str) -> Object:
        """One that a parameter names. Raises Fault (400)."""
        return self.get(noun, identifier, param=param, status=400)

    def emit(self, kind: str, about: Object, *, before: Object | None = None) -> None:
        """Something happened: an event with the object as it is now, and what of it was different before."""
        data: Object = {"object": copy.deepcopy(about)}
        if before is not None:
            data["previous_attributes"] = {
                name: value for name, value in before.items() if about.get(name) != value and name != "metadata"
            }
        cause = {"id": self.request_id, "idempotency_key": self.idempotency_key}
        at = self.time_of(about.get("customer") if isinstance(about.get("customer"), str) else None)
        event = self.make(
            stripe.Event, at=at, type=kind, data=data, api_version=API_VERSION, pending_webhooks=0, request=cause
        )
        self.heard(self, event)
