"""Time: what is due when, test clocks, and the clock of everybody else."""

from collections.abc import Iterator

import stripe
from stripe.params import test_helpers as params

from tests.stripe_simulator import invoices, standing
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.calendar_months import end_of_period
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.items import licensed_lines, metered_lines
from tests.stripe_simulator.routing import Request, readable, route
from tests.stripe_simulator.shapes import Object, shaped

DAY = 86_400
INCOMPLETE_SECONDS = 23 * 3_600
_MOST_STEPS = 10_000

readable("test_helpers.test_clock", "/v1/test_helpers/test_clocks", params.TestClockRetrieveParams,
         params.TestClockListParams)  # fmt: skip


@route("POST", "/v1/test_helpers/test_clocks", params.TestClockCreateParams)
def clock_create(request: Request) -> Object:
    """A clock that stands until it is advanced."""
    account, given = request.account, request.params
    at = given["frozen_time"]
    return account.make(
        stripe.test_helpers.TestClock, frozen_time=at, name=given.get("name"), status="ready",
        deletes_after=account.now() + 30 * DAY, status_details=shaped(stripe.test_helpers.TestClock.StatusDetails),
    )  # fmt: skip


@route("POST", "/v1/test_helpers/test_clocks/{}/advance", params.TestClockAdvanceParams)
def clock_advance(request: Request) -> Object:
    """Lets happen what happens until then, in its order."""
    account = request.account
    clock = account.get("test_helpers.test_clock", request.ids[0])
    until = request.params["frozen_time"]
    if until <= clock["frozen_time"]:
        raise invalid("The new frozen time must be later than the current one.", param="frozen_time")
    run_until(account, clock["id"], until)
    clock["frozen_time"] = until
    account.emit("test_helpers.test_clock.ready", clock)
    return clock | {"status": "advancing"}


def run_until(account: Account, clock: str | None, until: int) -> None:
    """Does what is due by `until` for the customers of a clock, or for all those without one, the earliest first."""
    for _step in range(_MOST_STEPS):
        due = sorted(_due(account, clock), key=lambda pair: (pair[0], pair[1]["id"]))
        if not due or due[0][0] > until:
            return
        at, what = due[0]
        if clock:
            account.objects[clock]["frozen_time"] = max(at, account.now(clock))
        _do(account, what)
    raise invalid("Advance the clock in smaller steps.", param="frozen_time")


def _due(account: Account, clock: str | None) -> Iterator[tuple[int, Object]]:
    for subscription in account.all("subscription", test_clock=clock):
        if subscription["status"] not in standing.ENDED:
            yield _next(account, subscription), subscription
    for invoice in account.all("invoice", test_clock=clock):
        at = invoice["automatically_finalizes_at"] if invoice["status"] == "draft" else invoice["next_payment_attempt"]
        if at is not None and invoice["status"] in {"draft", "open"}:
            yield at, invoice
    if clock is None:
        for session in account.all("checkout.session", status="open"):
            yield session["expires_at"], session


def _next(account: Account, subscription: Object) -> int:
    if subscription["status"] == "incomplete":
        return int(subscription["created"]) + INCOMPLETE_SECONDS
    times = [subscription["items"]["data"][0]["current_period_end"]]
    times += [subscription["cancel_at"]] if subscription["cancel_at"] else []
    if subscription["status"] == "trialing" and subscription["id"] not in account.told_of_trials:
        times.append(max(subscription["trial_end"] - 3 * DAY, subscription["start_date"]))
    return int(min(times))


def _do(account: Account, what: Object) -> None:
    if what["object"] == "invoice":
        _invoice_due(account, what)
    elif what["object"] == "checkout.session":
        what.update(status="expired", url=None)
        account.emit("checkout.session.expired", what)
    elif what["status"] == "incomplete":
        standing.status_set(account, what, "incomplete_expired")
        invoices.make_void(account, account.get("invoice", what["latest_invoice"]))
    else:
        _subscription_due(account, what)


def _invoice_due(account: Account, invoice: Object) -> None:
    if invoice["status"] == "draft":
        invoices.invoice_finalize(account, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        invoices.invoice_attempt(account, invoice)
    if subscription := account.objects.get(invoices.subscription_of(invoice) or ""):
        standing.settle(account, subscription, invoice)


def _subscription_due(account: Account, subscription: Object) -> None:
    at = account.time_of(subscription["customer"])
    if subscription["cancel_at"] and subscription["cancel_at"] <= at:
        standing.last_invoice(account, subscription)
        standing.end(account, subscription, "cancellation_requested")
    elif subscription["items"]["data"][0]["current_period_end"] <= at:
        _renew(account, subscription)
    else:
        account.told_of_trials.add(subscription["id"])
        account.emit("customer.subscription.trial_will_end", subscription)


def _renew(account: Account, subscription: Object) -> None:
    """The next period: a draft with what was used in the one behind and what the one ahead costs."""
    before = dict(subscription)
    members = subscription["items"]["data"]
    began, ended = members[0]["current_period_start"], members[0]["current_period_end"]
    period = (ended, end_of_period(subscription["billing_cycle_anchor"], members[0]["price"]["recurring"], ended))
    _discounts_end(account, subscription, ended)
    used = metered_lines(account, subscription, (began, ended)) if subscription["trial_end"] != ended else []
    for item in members:
        item.update(current_period_start=period[0], current_period_end=period[1])
    customer = account.get("customer", subscription["customer"])
    invoice = invoices.invoice_make(
        account, customer, [*used, *licensed_lines(subscription, period)], subscription=subscription,
        reason="subscription_cycle", period_start=began, period_end=ended,
    )  # fmt: skip
    subscription["latest_invoice"] = invoice["id"]
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    account.emit("customer.subscription.updated", subscription, before=before)


def _discounts_end(account: Account, subscription: Object, at: int) -> None:
    ends = {identifier: account.get("discount", identifier)["end"] for identifier in subscription["discounts"]}
    subscription["discounts"] = [identifier for identifier, end in ends.items() if end is None or end > at]
