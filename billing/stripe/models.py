"""What is kept of Stripe: events as they came, who is which customer, and mirrors of what belongs to a tenant.

Amounts are in the smallest unit of their currency (cents; yen). `guard` is the ticket (`tickets.py`) under which a row
was fetched: what was fetched earlier never overwrites it.
"""

from datetime import datetime

from django.db import models

from core.audited import Audited
from core.rls import TenantIsolation


class EventState(models.TextChoices):
    """How far an event came."""

    RECEIVED = "received"
    APPLIED = "applied"
    # Nothing of ours: another kind of event, or nobody's customer.
    IGNORED = "ignored"
    # Of a customer whom we do not know yet.
    PARKED = "parked"
    DEAD = "dead"


# Stripe's words for a subscription that has not ended.
RUNNING = ("active", "trialing", "past_due", "unpaid", "paused")
WAITING = (EventState.RECEIVED, EventState.PARKED)


class StripeEvent(models.Model):
    """One event, once, by the id that Stripe gave it. Global: it is stored before it is known whose it is."""

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(max_length=100)
    created = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    api_version = models.CharField(max_length=60)
    livemode = models.BooleanField()
    account = models.CharField(max_length=255, blank=True)
    # Whose it is as far as the event itself says; the object that it is about is fetched again.
    customer = models.CharField(max_length=255, blank=True)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=EventState, default=EventState.RECEIVED)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    next_try = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["next_try"], condition=models.Q(state__in=WAITING), name="stripe_event_waiting"),
            models.Index(fields=["customer"], condition=models.Q(state=EventState.PARKED), name="stripe_event_parked"),
            models.Index(fields=["received_at"], name="stripe_event_by_arrival"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type}"


class StripeCursor(models.Model):
    """Up to when events of an account were listed (by the digest of its key). Global: it is nobody's."""

    account = models.CharField(primary_key=True, max_length=64)
    created = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.account}: {self.created}"


class StripeCustomer(models.Model):
    """Which tenant a customer of Stripe's is. Global: an event names a customer before it is known whose it is.

    `ticket` counts what was fetched for it; `look_at` says when its standing changes by time alone.
    """

    tenant_id = models.UUIDField(primary_key=True)
    stripe_id = models.CharField(max_length=255, unique=True)
    ticket = models.BigIntegerField(default=0)
    look_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["look_at"], condition=~models.Q(look_at=None), name="stripe_customer_look_at"),
            models.Index(models.F("reconciled_at").asc(nulls_first=True), name="stripe_customer_reconciled"),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id}: {self.tenant_id}"


class _Mirror(models.Model):
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    stripe_id = models.CharField(max_length=255)
    created = models.DateTimeField()
    guard = models.BigIntegerField()

    class Meta:
        abstract = True


class CheckoutState(models.TextChoices):
    """Stripe's words for a session."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class Checkout(models.Model):
    """A way into Stripe's Checkout for one plan; one at a time is open, so that nobody subscribes twice."""

    id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    plan = models.ForeignKey("billing.PlanVersion", on_delete=models.DO_NOTHING, db_index=False, related_name="+")
    interval = models.CharField(max_length=5)
    state = models.CharField(max_length=10, choices=CheckoutState, default=CheckoutState.OPEN)
    # Empty until Stripe answered.
    stripe_id = models.CharField(max_length=255, blank=True)
    url = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state=CheckoutState.OPEN), name="stripe_checkout_one_is_open"
            ),
            TenantIsolation(name="stripe_checkout_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "stripe_id"], name="stripe_checkout_by_session")]

    def __str__(self) -> str:
        return f"{self.plan_id} by {self.interval}: {self.state}"


class Subscription(_Mirror):
    """What a tenant subscribed to. `status` is Stripe's; `payment_stopped_at` says since when it tries no more."""

    pk = models.CompositePrimaryKey("tenant", "stripe_id")
    status = models.CharField(max_length=20)
    plan = models.ForeignKey("billing.PlanVersion", on_delete=models.DO_NOTHING, db_index=False, related_name="+")
    interval = models.CharField(max_length=5)
    currency = models.CharField(max_length=3)
    # Empty where the other kind of price is all that there is.
    item = models.CharField(max_length=255)
    price = models.CharField(max_length=255)
    overage_item = models.CharField(max_length=255, blank=True)
    overage_price = models.CharField(max_length=255, blank=True)
    # When the plan changed in the middle of a period, calls until then were billed with the former one.
    overage_since = models.DateTimeField(null=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    trial_end = models.DateTimeField(null=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    payment_stopped_at = models.DateTimeField(null=True)
    latest_invoice = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            Audited(
                name="stripe_subscription_audited",
                noun="subscription",
                title="plan_id",
                of=("status", "plan_id", "interval", "cancel_at_period_end"),
                ignore=("guard", "period_start", "period_end", "latest_invoice", "overage_since"),
            ),
            TenantIsolation(name="stripe_subscription_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} by {self.interval}: {self.status}"

    @property
    def metered_from(self) -> datetime:
        """Since when calls count for the invoice that ends this period."""
        return max(self.period_start, self.overage_since or self.period_start)


class Invoice(_Mirror):
    """An invoice as Stripe has it; `number` is empty while it is a draft."""

    pk = models.CompositePrimaryKey("tenant", "stripe_id")
    number = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20)
    reason = models.CharField(max_length=60)
    subscription = models.CharField(max_length=255, blank=True)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    total = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    amount_remaining = models.BigIntegerField()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    hosted_url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)

    class Meta:
        constraints = [TenantIsolation(name="stripe_invoice_isolation")]
        indexes = [models.Index(fields=["tenant", "-created"], name="stripe_invoice_by_time")]

    def __str__(self) -> str:
        return f"{self.number or self.stripe_id}: {self.status}"


class InvoiceLine(models.Model):
    """A line of an invoice. `is_metered` ones are calls of their period, which the ledger can list."""

    pk = models.CompositePrimaryKey("tenant", "invoice", "stripe_id")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    invoice = models.CharField(max_length=255)
    stripe_id = models.CharField(max_length=255)
    place = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    quantity = models.BigIntegerField(null=True)
    price = models.CharField(max_length=255, blank=True)
    # In the smallest unit of the currency, which Stripe gives with up to twelve decimals.
    unit_amount = models.DecimalField(max_digits=30, decimal_places=12, null=True)
    is_metered = models.BooleanField(default=False)
    is_proration = models.BooleanField(default=False)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()

    class Meta:
        constraints = [TenantIsolation(name="stripe_invoice_line_isolation")]

    def __str__(self) -> str:
        return self.description


class Refund(_Mirror):
    """Money that went back."""

    pk = models.CompositePrimaryKey("tenant", "stripe_id")
    charge = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            Audited(name="stripe_refund_audited", noun="refund", title="stripe_id", ignore=("guard",)),
            TenantIsolation(name="stripe_refund_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}: {self.status}"


class Dispute(_Mirror):
    """A payment that a bank took into question. `told_at` is when the owner heard that it was lost."""

    pk = models.CompositePrimaryKey("tenant", "stripe_id")
    charge = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=60)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            Audited(name="stripe_dispute_audited", noun="dispute", title="stripe_id", ignore=("guard", "told_at")),
            TenantIsolation(name="stripe_dispute_isolation"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}: {self.status}"
