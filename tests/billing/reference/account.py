"""One customer's life with its payments as it has to be, worked out from what was done and when, and asking nobody.

Stripe's rules are those of "How subscriptions work", "Prorations", "Customer balance" and of retries in the schedule
that the simulator has: the first charge with the subscription, an hour as a draft at each renewal, tries after 3, 5 and
7 days, then the end. Left out is what a change of price in the middle of a period does to calls that were told in it,
to trials and to coupons: nothing may ask for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.billing.reference import prices

HOUR, DAY = 3_600, 86_400
DRAFT = HOUR
TRIES = (3 * DAY, 5 * DAY, 7 * DAY)
UNPAID_FIRST = 23 * HOUR
RUNNING = ("active", "trialing", "past_due")


@dataclass(eq=False)
class Bill:
    """An invoice. `kind` is Stripe's billing reason."""

    of: "Subscription"
    kind: str
    total: int
    created: int
    status: str = "draft"
    due: int = 0
    paid: int = 0
    tries: int = 0
    next_at: int | None = None
    refunded: int = 0


@dataclass(eq=False)
class Subscription:
    """A subscription. `pays` is whether its own card does; None: the customer's counts."""

    plan: str
    interval: str
    created: int
    start: int
    end: int
    anchor: int
    trial_end: int | None = None
    percent: int = 0
    is_once: bool = False
    had_coupon: bool = False
    status: str = "incomplete"
    ends: bool = False
    ended: int | None = None
    failed: bool = False
    pays: bool | None = None
    pending: int = 0
    latest: Bill | None = None


@dataclass
class Account:
    """All of a customer. Each act happens at `now`."""

    now: int
    pays: bool = True
    balance: int = 0
    subscriptions: list[Subscription] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    # Calls that Stripe was told of: under which time, and how many.
    told: list[tuple[int, int]] = field(default_factory=list)

    def running(self) -> Subscription | None:
        """The one that has not ended."""
        return next((each for each in self.subscriptions if each.status in RUNNING), None)

    def subscribe(
        self, plan: str, interval: str, *, trial: int = 0, percent: int = 0, is_once: bool = False,
        pays: bool | None = None,
    ) -> Subscription:  # fmt: skip
        """Buys; where the card is refused, nothing of it begins."""
        trial_end = self.now + trial * DAY if trial else None
        made = Subscription(
            plan, interval, self.now, self.now, trial_end or prices.period_after(self.now, interval, self.now),
            trial_end or self.now, trial_end, percent, is_once, bool(percent), pays=pays,
        )  # fmt: skip
        self.subscriptions.append(made)
        bill = self._bill(made, "subscription_create", 0 if trial else prices.base(plan, interval))
        self._finalize(bill)
        self._try(bill)
        self._settle(bill)
        return made

    def change(self, of: Subscription, plan: str, interval: str, behavior: str) -> None:
        """Another price: the rest of the old one back and of the new one charged; another interval is a new period."""
        left, whole, is_anew = of.end - self.now, of.end - of.start, interval != of.interval
        if (plan, interval) != (of.plan, of.interval) and behavior != "none":
            of.pending -= prices.share(of.plan, of.interval, left, whole)
            of.pending += 0 if is_anew else prices.share(plan, interval, left, whole)
        of.plan, of.interval = plan, interval
        if is_anew:
            of.anchor = of.start = self.now
            of.end = prices.period_after(self.now, interval, self.now)
            self._update(of, prices.base(plan, interval))
        elif behavior == "always_invoice":
            self._update(of, 0)

    def cost_of_change(self, of: Subscription, plan: str, interval: str) -> int:
        """What would be charged at once."""
        left, whole = of.end - self.now, of.end - of.start
        new = prices.base(plan, interval) if interval != of.interval else prices.share(plan, interval, left, whole)
        return max(0, of.pending - prices.share(of.plan, of.interval, left, whole) + new + self.balance)

    def end_now(self, of: Subscription) -> None:
        """Ends it, and bills what was used."""
        self._last_bill(of)
        self._end(of)

    def card(self, *, pays: bool) -> None:
        """Another card for all that goes on."""
        self.pays = pays
        for each in self.subscriptions:
            if each.status in (*RUNNING, "incomplete"):
                each.pays = pays

    def pay(self, bill: Bill) -> None:
        """Pays what is open with a card that is good."""
        bill.tries += 1
        self._paid(bill)
        self._settle(bill)

    def owed(self) -> list[Bill]:
        """What is open of what once ran."""
        return [bill for bill in self.bills if bill.status == "open" and bill.of.status != "incomplete"]

    def used(self, since: int, until: int) -> int:
        """How many calls Stripe was told of in a time."""
        return sum(calls for at, calls in self.told if since <= at < until)

    def advance(self, until: int) -> None:
        """Lets happen what happens by itself, in its order."""
        while due := min((each for each in self._due() if each[0] <= until), key=lambda each: each[0], default=None):
            self.now, what = max(due[0], self.now), due[1]
            if isinstance(what, Bill):
                self._bill_due(what)
            else:
                self._subscription_due(what)
        self.now = until

    def _due(self) -> Iterator[tuple[int, Bill | Subscription]]:
        for each in self.subscriptions:
            if each.status == "incomplete":
                yield each.created + UNPAID_FIRST, each
            elif each.status in RUNNING:
                yield each.end, each
        for bill in self.bills:
            if bill.next_at is not None and bill.status in {"draft", "open"}:
                yield bill.next_at, bill

    def _bill_due(self, bill: Bill) -> None:
        if bill.status == "draft":
            self._finalize(bill)
        self._try(bill)
        self._settle(bill)

    def _subscription_due(self, of: Subscription) -> None:
        if of.status == "incomplete":
            of.status = "incomplete_expired"
            if of.latest and of.latest.status == "open":
                of.latest.status, of.latest.next_at = "void", None
        elif of.ends:
            self._last_bill(of)
            self._end(of)
        else:
            self._renew(of)

    def _renew(self, of: Subscription) -> None:
        began, ended = of.start, of.end
        of.start, of.end = ended, prices.period_after(of.anchor, of.interval, ended)
        of.status = "active" if of.status == "trialing" else of.status
        use = 0 if of.trial_end == ended else self._use(of, began, ended)
        self._bill(of, "subscription_cycle", prices.base(of.plan, of.interval) + use)

    def _use(self, of: Subscription, since: int, until: int) -> int:
        return prices.calls(of.plan, of.interval, self.used(since, until))

    def _update(self, of: Subscription, amount: int) -> None:
        bill = self._bill(of, "subscription_update", amount)
        self._finalize(bill)
        self._try(bill)
        self._settle(bill)

    def _last_bill(self, of: Subscription) -> None:
        on_trial = of.trial_end is not None and self.now <= of.trial_end
        bill = self._bill(of, "subscription_cycle", 0 if on_trial else self._use(of, of.start, self.now))
        self._finalize(bill)
        self._try(bill)

    def _bill(self, of: Subscription, kind: str, amount: int) -> Bill:
        total = amount - prices.discount(amount, of.percent) + of.pending
        of.pending, of.percent = 0, 0 if of.is_once else of.percent
        made = Bill(of, kind, total, self.now, due=max(0, total), next_at=self.now + DRAFT)
        of.latest = made
        self.bills.append(made)
        return made

    def _finalize(self, bill: Bill) -> None:
        """The customer's balance goes first."""
        left = self.balance + bill.total
        bill.status, bill.due, self.balance = "open", max(0, left), min(0, left)
        if not bill.due:
            self._paid(bill)

    def _try(self, bill: Bill) -> None:
        if bill.status != "open":
            return
        bill.tries += 1
        if self.pays if bill.of.pays is None else bill.of.pays:
            self._paid(bill)
            return
        is_again = bill.kind != "subscription_create" and bill.tries <= len(TRIES)
        bill.next_at = self.now + TRIES[bill.tries - 1] if is_again else None

    @staticmethod
    def _paid(bill: Bill) -> None:
        bill.status, bill.paid, bill.next_at = "paid", bill.due, None

    def _settle(self, bill: Bill) -> None:
        of = bill.of
        if of.latest is not bill or of.status in {"canceled", "incomplete_expired"}:
            return
        if bill.status == "paid":
            of.status = "trialing" if of.trial_end is not None and self.now < of.trial_end else "active"
        elif of.status != "incomplete" and bill.next_at is None:
            of.failed = True
            self._end(of)
        elif of.status != "incomplete":
            of.status = "past_due"

    def _end(self, of: Subscription) -> None:
        """Stripe, "Cancel a subscription": what was finalized is collected no further."""
        of.status, of.ended = "canceled", self.now
        for bill in self.bills:
            if bill.status == "open":
                bill.next_at = None
