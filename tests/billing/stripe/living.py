"""One tenant's life with its payments: at Stripe, here, and in the reference, each act in all three."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import stripe

from billing.contracts import Agreed, contract_agree, contract_end
from billing.entitlements import Limit, require_member_room
from billing.ledger.models import UsageHour
from billing.ledger.summing import sum_due
from billing.metering.models import ReportState, UsageReport, UsageReportDue
from billing.metering.sending import reports_send, tenant_catch_up
from billing.metering.verifying import usage_verified
from billing.models import UptimeMonth, UptimeWatch
from billing.plans.models import PlanVersion
from billing.stripe.models import Invoice, Refund, Subscription
from billing.uptime.crediting import credits_give
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Membership, Role
from tests.billing.reference import account as reference
from tests.billing.reference import prices
from tests.billing.ships import Ships
from tests.billing.stripe.paying import HOUR, Clock, Shop
from tests.conftest import make_cast

# More than Developer and fewer than Professional allows.
MEMBERS = 7
# Of what was longer ago nothing is told under its own hour.
OLDEST = 34 * 86_400
# What Developer gives.
FREE = (1_000, 5)


class Life:
    """The tenant's platform and customer, and the reference to both."""

    def __init__(self, shop: Shop) -> None:
        self.shop = Shop(shop.at_simulator, shop.client, make_cast(), shop.console_url)
        self.client, self.tenant = shop.client, self.shop.tenant
        self.clock: Clock = self.shop.clock()
        self.clock.pay_with("pm_card_visa")
        self.account = reference.Account(self.clock.began)
        self.ids: dict[str, reference.Subscription] = {}
        # Billable calls of each hour, and how many of them were reported.
        self.calls: dict[int, int] = {}
        self.reported: dict[int, int] = {}
        self.ship = Ships(self.tenant)
        self.contract: tuple[str | None, int] | None = None
        self.months = 0
        for number in range(MEMBERS - 2):
            self.shop.cast.join(f"member{number}", Role.DEVELOPER)
        UptimeWatch.objects.create(tenant_id=self.tenant.id, is_owed=True)

    # What is bought, and how it goes on.

    def subscribe(self, plan: str, interval: str, **how: Any) -> None:
        """A subscription to the plan and its calls, as an operator makes one."""
        asked: Any = {"customer": self.clock.customer, "items": self.items(plan, interval)}
        if how.get("trial"):
            asked["trial_period_days"] = how["trial"]
        if how.get("percent"):
            duration = "once" if how["is_once"] else "forever"
            coupon = self.client.v1.coupons.create({"percent_off": float(how["percent"]), "duration": duration})
            asked["discounts"] = [{"coupon": coupon.id}]
        made = self.client.v1.subscriptions.create(asked)
        self.ids[made.id] = self.account.subscribe(plan, interval, **how)

    def items(self, plan: str, interval: str) -> list[Any]:
        """Items of both prices."""
        keys = [f"{plan}-{interval}", f"{plan}-{interval}-overage"]
        found = {price.lookup_key: price.id for price in self.client.v1.prices.list({"lookup_keys": keys}).data}
        return [{"price": found[key]} for key in keys]

    def running(self) -> tuple[str, reference.Subscription] | None:
        """What runs, and its id."""
        found = self.account.running()
        return next(((name, each) for name, each in self.ids.items() if each is found), None)

    def at_stripe(self) -> stripe.Subscription:
        """What runs, as Stripe has it."""
        running = self.running()
        assert running
        return self.client.v1.subscriptions.retrieve(running[0])

    def change(self, plan: str, interval: str, behavior: Any) -> None:
        """What an operator can do: both prices exchanged in place."""
        found = self.at_stripe()
        new = self.items(plan, interval)
        items: Any = [{"id": item.id, **price} for item, price in zip(found["items"].data, new, strict=True)]
        self.client.v1.subscriptions.update(found.id, {"items": items, "proration_behavior": behavior})
        self.account.change(self.ids[found.id], plan, interval, behavior)

    def learn(self) -> None:
        """Knows what was bought through our own page."""
        for found in self.client.v1.subscriptions.list({"customer": self.clock.customer}).data:
            if found.id not in self.ids:
                name, interval = (found["items"].data[0].price.metadata or {})["armstrong_plan"], "month"
                self.ids[found.id] = self.account.subscribe(name, interval, pays=True)

    def pass_to(self, moment: int) -> None:
        """Lets time pass."""
        self.clock.advance(moment - self.clock.began)
        self.account.advance(moment)

    def pay_open(self) -> None:
        """Pays the oldest open invoice."""
        place = self.account.bills.index(self.account.owed()[0])
        card = self.client.v1.payment_methods.attach("pm_card_visa", {"customer": self.clock.customer})
        self.client.v1.invoices.pay(self.invoices()[place].id or "", {"payment_method": card.id})
        self.account.pay(self.account.bills[place])

    def give_back(self, amount: int) -> None:
        """Refunds a part of what was paid last, where so much is left of it."""
        paid = [bill for bill in self.account.bills if bill.paid - bill.refunded >= amount and bill.status == "paid"]
        if not paid:
            return
        charge = next(
            charge
            for charge in self.client.v1.charges.list({"customer": self.clock.customer, "limit": 100}).data
            if charge.status == "succeeded" and charge.amount == paid[-1].paid
            and charge.amount_refunded == paid[-1].refunded
        )  # fmt: skip
        self.client.v1.refunds.create({"charge": charge.id, "amount": amount})
        paid[-1].refunded += amount

    def credit(self, cents: int) -> None:
        """A month whose uptime was not kept; told twice, it is given back once."""
        self.months += 1
        month = date(2020 + self.months // 12, self.months % 12 + 1, 1)
        with tenant_context(self.tenant.id):
            UptimeMonth.objects.create(
                tenant=self.tenant, month=month, endpoints=[], uptime=Decimal("98.5"), target=Decimal("99.9"),
                share=10, credit_cents=cents, currency="usd",
            )  # fmt: skip
        credits_give()
        with tenant_context(self.tenant.id):
            UptimeMonth.objects.filter(month=month).update(credited_at=None)
        credits_give()
        self.account.balance -= cents

    def agree(self, plan: str | None, connections: int) -> None:
        """A contract, in place of any other."""
        found = PlanVersion.objects.get(pk=plan) if plan else None
        contract_agree(slug=self.tenant.slug, agreed=Agreed(found, {Limit.CONNECTIONS: connections}))
        self.contract = (plan, connections)

    def agree_no_more(self) -> None:
        """Its own plan again."""
        contract_end(slug=self.tenant.slug)
        self.contract = None

    # Calls.

    def call(self, hours_ago: int, calls: int) -> None:
        """So many calls end well, some hours ago: one by one where they are few, in even hours, else as a sum."""
        is_few = calls <= 10
        hour = self.account.now // HOUR - hours_ago
        hour -= (hour % 2) != (0 if is_few else 1)
        at = datetime.fromtimestamp(hour * HOUR, UTC)
        self.calls[hour * HOUR] = self.calls.get(hour * HOUR, 0) + calls
        if is_few:
            self.ship(at + timedelta(minutes=7), calls)
            self.ship(at + timedelta(minutes=8), 1, outcome="failed")
            return
        with tenant_context(self.tenant.id):
            UsageHour.objects.create(
                tenant=self.tenant, hour=at, endpoint_id=uuid4(), method="tools/call", name="sum", principal="key:1",
                calls=calls, billable=calls, errors=0, microseconds=0, bytes_in=0, bytes_out=0,
            )  # fmt: skip

    def send(self, failing: dict[str, Any] | None, *, dies: bool) -> None:
        """What jobs do: sums, reports, and tells Stripe, which may fail; the sender may die before it wrote that down.

        Comes after a reconciliation.
        """
        now = datetime.fromtimestamp(self.account.now, UTC)
        sum_due(self.tenant.id)
        tenant_catch_up(self.tenant.id, now)
        if failing:
            self.shop.simulator.told("outages", outages=[failing | {"path": "/v1/billing/meter_events"}])
            self._tell(now)
            # What there was nothing to fail of would fail some other time.
            self.shop.simulator.told("outages", outages=[])
        self._tell(now)
        if dies:
            with tenant_context(self.tenant.id):
                just_now = UsageReport.objects.filter(state=ReportState.SENT, first_tried_at=now)
                sent = list(just_now.order_by("-created_at")[:2])
                UsageReport.objects.filter(pk__in=[each.pk for each in sent]).update(state=ReportState.WAITING)
            for each in sent:
                UsageReportDue.objects.create(report_id=each.pk, tenant_id=self.tenant.id, due_at=now)
            self._tell(now)
        self._expect()

    def _tell(self, now: datetime) -> None:
        UsageReportDue.objects.filter(tenant_id=self.tenant.id).update(due_at=now)
        reports_send(now, tenant_id=self.tenant.id)

    def _expect(self) -> None:
        """The calls of hours in which a subscription ran are told: under their hour, or now where its bill is there."""
        running, oldest = self.account.running(), self.account.now - OLDEST
        for hour, calls in self.calls.items():
            more = calls - self.reported.get(hour, 0)
            # What was summed longer ago was reported then, or was before there was anything to bill it with.
            is_sum_long_ago = hour < oldest and hour // HOUR % 2 == 1
            if more and not is_sum_long_ago and any(self._bills(each, hour) for each in self.account.subscriptions):
                self.reported[hour] = calls
                if running:
                    is_in_time = hour >= max(running.start, oldest)
                    self.account.told.append((hour if is_in_time else self.account.now, more))

    @staticmethod
    def _bills(of: reference.Subscription, hour: int) -> bool:
        return of.status not in {"incomplete", "incomplete_expired"} and (of.created <= hour < (of.ended or hour + 1))

    # How all that has to be.

    def invoices(self) -> list[stripe.Invoice]:
        """All of the customer's, the first first."""
        asked: Any = {"customer": self.clock.customer, "limit": 100}
        return list(self.client.v1.invoices.list(asked).auto_paging_iter())[::-1]

    def compare(self) -> None:
        """Holds what is at Stripe, and what is here, to the reference."""
        expected = [(bill.kind, bill.status, bill.total, bill.due, bill.paid) for bill in self.account.bills]
        found = self.invoices()
        there = [(one.billing_reason, one.status, one.total, one.amount_due, one.amount_paid) for one in found]
        assert there == expected
        statuses = {name: each.status for name, each in self.ids.items()}
        asked: Any = {"customer": self.clock.customer, "status": "all", "limit": 100}
        listed = self.client.v1.subscriptions.list(asked).data
        assert {each.id: each.status for each in listed} == statuses
        assert self.client.v1.customers.retrieve(self.clock.customer).balance == self.account.balance
        with tenant_context(self.tenant.id):
            assert dict(Subscription.objects.values_list("stripe_id", "status")) == statuses
            rows = {
                row.stripe_id: (row.reason, row.status, row.total, row.amount_due, row.amount_paid)
                for row in Invoice.objects.all()
            }
            back = sum(Refund.objects.values_list("amount", flat=True))
        assert rows == {one.id: bill for one, bill in zip(found, expected, strict=True)}
        assert back == sum(bill.refunded for bill in self.account.bills)
        self.compare_entitlement()
        self.compare_calls()

    def compare_entitlement(self) -> None:
        """Plan, standing and limits; nobody is put out by any of them, and who is new finds room or does not."""
        plan, standing = self.due()
        connections, members = FREE
        if plan != "developer-1":
            connections, members = prices.PLANS[plan].connections, prices.PLANS[plan].members
        wanted: int | None = members
        if self.contract:
            connections = self.contract[1]
            if self.contract[0]:
                plan, standing, wanted = self.contract[0], "contract", None
        held = self.shop.entitlement()
        assert (held.plan_id, held.standing, held.connections) == (plan, standing, connections)
        with tenant_context(self.tenant.id):
            assert Membership.objects.count() == MEMBERS
        # Before anything was granted, the cast has limits of its own.
        if self.begun() or self.contract:
            assert self._has_room() == (wanted is None or wanted > MEMBERS)

    def _has_room(self) -> bool:
        with tenant_context(self.tenant.id):
            try:
                require_member_room(self.tenant.id, Membership.objects.count)
            except Refused:
                return False
        return True

    def begun(self) -> list[reference.Subscription]:
        """What was paid for at least once, or tried."""
        return [each for each in self.account.subscriptions if each.status in {*reference.RUNNING, "canceled"}]

    def due(self) -> tuple[str, str]:
        """Plan and standing, without a contract."""
        running = self.account.running()
        if running:
            return running.plan, running.status
        failed = [each for each in self.begun() if each.failed]
        return (failed[-1].plan, "grace") if failed else ("developer-1", "free")

    def compare_calls(self) -> None:
        """What Stripe's meter has is what was told of the ledger, to the call."""
        since = datetime.fromtimestamp(self.clock.began - self.clock.began % 86_400 - 40 * 86_400, UTC)
        now = datetime.fromtimestamp(self.account.now, UTC)
        found = usage_verified(self.tenant.id, since=since, until=now + timedelta(days=1), now=now)
        assert found.metered == found.sent == sum(calls for _, calls in self.account.told)
        assert not found.failed
