"""Who sells what to whom: sellers' accounts, offers, purchases, sales, and calls on their way to the seller's meter.

Amounts are in the smallest unit of their currency (cents; yen). `guard` is the ticket (`billing/stripe/tickets.py`)
under which a row was fetched: what was fetched earlier never overwrites it.
"""

import uuid

from django.db import models

from billing.metering.models import Report, ReportDue
from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.models.tenant import validate_slug


class ConnectedAccount(models.Model):
    """Which tenant's an account under the platform's is. Global: events name one before it is known whose it is.

    `ticket` counts what was fetched of it.
    """

    account_id = models.CharField(primary_key=True, max_length=255)
    tenant_id = models.UUIDField(unique=True)
    ticket = models.BigIntegerField(default=0)
    reconciled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.account_id}: {self.tenant_id}"


class SellerAccount(models.Model):
    """A tenant's account at Stripe. `account_id` is empty until Stripe answered; `number` counts the tenant's accounts.

    `requirements_due` are Stripe's names of what it still wants to know.
    """

    tenant = models.OneToOneField("tenants.Tenant", primary_key=True, on_delete=models.DB_CASCADE, related_name="+")
    account_id = models.CharField(max_length=255, blank=True)
    number = models.PositiveIntegerField(default=1)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3, blank=True)
    charges_enabled = models.BooleanField(default=False)
    payouts_enabled = models.BooleanField(default=False)
    details_submitted = models.BooleanField(default=False)
    requirements_due = models.JSONField(default=list)
    disconnected_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    guard = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            Audited(name="seller_account_audited", noun="seller account", title="account_id", ignore=("guard",)),
            TenantIsolation(name="seller_account_isolation"),
        ]

    def __str__(self) -> str:
        return self.account_id

    @property
    def can_sell(self) -> bool:
        """Whether buyers can pay into it now."""
        return self.charges_enabled and self.disconnected_at is None


class OfferKind(models.TextChoices):
    """What is paid for."""

    MONTHLY = "monthly", "By the month"
    PER_CALL = "per_call", "By the call"


class OfferState(models.TextChoices):
    """How far an offer came. It never goes back."""

    DRAFT = "draft", "Draft"
    ON_SALE = "on_sale", "On sale"
    WITHDRAWN = "withdrawn", "Withdrawn"


class _OfTenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")

    class Meta:
        abstract = True


class Offer(_OfTenant):
    """What is sold: an endpoint (their tables are a layer above), all of its tools or those in `tools`, for a price.

    What was on sale keeps its price, tools and endpoint; the database refuses other ones.
    """

    endpoint_id = models.UUIDField()
    slug = models.CharField(max_length=40, validators=[validate_slug])
    name = models.CharField(max_length=80)
    description = models.TextField(max_length=4000, blank=True)
    tools = models.JSONField(null=True, blank=True)
    kind = models.CharField(max_length=10, choices=OfferKind)
    # By the month a whole number; of a call as fine as Stripe's `unit_amount_decimal`.
    amount = models.DecimalField(max_digits=24, decimal_places=12)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.DRAFT)
    # What the platform keeps of each payment, in percent; set when it goes on sale.
    fee_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    account_id = models.CharField(max_length=255, blank=True)
    product_id = models.CharField(max_length=255, blank=True)
    price_id = models.CharField(max_length=255, blank=True)
    meter_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    on_sale_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="offer_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="offer_slug_within_tenant"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="offer_costs_something"),
            models.CheckConstraint(condition=models.Q(kind__in=OfferKind.values), name="offer_kind_is_known"),
            models.CheckConstraint(condition=models.Q(state__in=OfferState.values), name="offer_state_is_known"),
            models.CheckConstraint(
                condition=~models.Q(state=OfferState.ON_SALE) | ~models.Q(price_id="") & ~models.Q(fee_percent=None),
                name="offer_on_sale_has_a_price",
            ),
            Audited(name="offer_audited", noun="offer", title="slug"),
            TenantIsolation(name="offer_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "endpoint_id"], name="offer_by_endpoint")]

    def __str__(self) -> str:
        return self.slug


class PurchaseStanding(models.TextChoices):
    """How a purchase stands. `past_due` is while Stripe still tries to get what is owed, `unpaid` when it gave up."""

    OPENED = "opened", "Not paid yet"
    ACTIVE = "active", "Active"
    PAST_DUE = "past_due", "Payment failed"
    UNPAID = "unpaid", "Unpaid"
    ENDED = "ended", "Ended"


# With which a buyer's key works, and with which there is something to end.
SERVED = (PurchaseStanding.ACTIVE, PurchaseStanding.PAST_DUE)
STANDING = (*SERVED, PurchaseStanding.UNPAID)


class Purchase(_OfTenant):
    """What somebody bought, or is about to buy. Who holds its token, whose digest this is, manages it."""

    offer = models.ForeignKey(
        Offer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="purchases"
    )
    email = models.EmailField(max_length=254)
    token_digest = models.CharField(max_length=64)
    account_id = models.CharField(max_length=255)
    # Of Stripe's, in the seller's account; empty until it has them.
    checkout_id = models.CharField(max_length=255, blank=True)
    checkout_url = models.TextField(blank=True)
    customer_id = models.CharField(max_length=255, blank=True)
    subscription_id = models.CharField(max_length=255, blank=True)
    standing = models.CharField(max_length=10, choices=PurchaseStanding, default=PurchaseStanding.OPENED)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Why the platform has it end, or have it ended, in a sentence to its buyer.
    end_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    guard = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="purchase_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "token_digest"], name="purchase_token_within_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "subscription_id"],
                condition=~models.Q(subscription_id=""),
                name="purchase_subscription_within_tenant",
            ),
            models.CheckConstraint(
                condition=models.Q(standing__in=PurchaseStanding.values), name="purchase_standing_is_known"
            ),
            Audited(
                name="purchase_audited",
                noun="purchase",
                title="id",
                redact=("email", "checkout_url"),
                of=("standing", "cancel_at", "end_reason"),
                ignore=("guard",),
            ),
            TenantIsolation(name="purchase_isolation"),
            TenantForeignKey(name="purchase_offer_of_same_tenant", column="offer_id", to_table="billing_offer"),
        ]
        indexes = [
            models.Index(fields=["tenant", "offer", "-created_at"], name="purchase_by_offer"),
            models.Index(fields=["tenant", "checkout_id"], name="purchase_by_checkout"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.standing}"

    @property
    def is_served(self) -> bool:
        """Whether its key works."""
        return self.standing in SERVED


class PurchaseKey(models.Model):
    """Who calls for a purchase, in the ledger's words (`key:<id>`), now or formerly."""

    pk = models.CompositePrimaryKey("tenant", "principal")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DB_CASCADE, db_index=False, related_name="+")
    principal = models.CharField(max_length=200)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="keys"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            TenantIsolation(name="purchase_key_isolation"),
            TenantForeignKey(
                name="purchase_key_purchase_of_same_tenant", column="purchase_id", to_table="billing_purchase"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "purchase"], name="purchase_key_by_purchase")]

    def __str__(self) -> str:
        return self.principal


class DueWhat(models.TextChoices):
    """What a purchase waits for."""

    PUBLISH = "publish"
    END = "end"
    TELL_BEGUN = "tell_begun"
    TELL_FAILED = "tell_failed"
    TELL_ENDED = "tell_ended"


class PurchaseDue(models.Model):
    """What has to follow of a purchase. Global, so that one question finds it whoever's it is; it holds ids and times.

    `mark` is another one each time, so that who did it forgets the row only if nothing new was asked meanwhile.
    """

    pk = models.CompositePrimaryKey("purchase_id", "what")
    purchase_id = models.UUIDField()
    what = models.CharField(max_length=12, choices=DueWhat)
    tenant_id = models.UUIDField()
    due_at = models.DateTimeField(db_index=True)
    mark = models.UUIDField(default=uuid.uuid4)
    tries = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.what} {self.purchase_id} at {self.due_at}"


class Sale(_OfTenant):
    """A payment: an invoice that was paid in the seller's account.

    `amount` is what the buyer paid, `fee` what of it the platform has, `refunded` what went back, also by a dispute
    that is not won. `calls` are those that the invoice bills; none are counted where the month is paid for.
    """

    purchase = models.ForeignKey(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="sales"
    )
    invoice_id = models.CharField(max_length=255)
    number = models.CharField(max_length=255, blank=True)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    refunded = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    calls = models.BigIntegerField(default=0)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    paid_at = models.DateTimeField()
    guard = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "invoice_id"], name="sale_invoice_within_tenant"),
            Audited(name="sale_audited", noun="sale", title="invoice_id", ignore=("guard",)),
            TenantIsolation(name="sale_isolation"),
            TenantForeignKey(name="sale_purchase_of_same_tenant", column="purchase_id", to_table="billing_purchase"),
        ]
        indexes = [models.Index(fields=["tenant", "-paid_at"], name="sale_by_time")]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.amount} {self.currency}"

    @property
    def net(self) -> int:
        """What the seller has of it; Stripe's own fees are between the seller and Stripe."""
        return self.amount - self.fee - self.refunded


class PurchaseReport(Report):
    """Billable calls of a purchase in one hour that no earlier report told the seller's meter."""

    purchase = models.ForeignKey(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="reports"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(calls__gt=0), name="purchase_report_has_calls"),
            TenantIsolation(name="purchase_report_isolation"),
            TenantForeignKey(
                name="purchase_report_purchase_of_same_tenant", column="purchase_id", to_table="billing_purchase"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "hour"], name="purchase_report_by_hour"),
            models.Index(fields=["tenant", "purchase", "at"], name="purchase_report_by_time"),
        ]


class PurchaseReportDue(ReportDue):
    """A report of a purchase's calls that waits. Global, so that one question finds what is due whoever's it is."""
