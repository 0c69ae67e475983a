"""What billing stores."""

from billing.ledger.models import UsageDue, UsageEvent, UsageHour, UsageKept, UsageWatermark
from billing.metering.models import SpendingCap, UsageAlert, UsageReport, UsageReportDue
from billing.plans.models import Contract, Entitlement, EntitlementDue, PlanVersion
from billing.resale.models import (
    ConnectedAccount,
    Offer,
    Purchase,
    PurchaseDue,
    PurchaseKey,
    PurchaseReport,
    PurchaseReportDue,
    Sale,
    SellerAccount,
)
from billing.stripe.models import (
    Checkout,
    Dispute,
    Invoice,
    InvoiceLine,
    Refund,
    StripeCursor,
    StripeCustomer,
    StripeEvent,
    Subscription,
)
from billing.uptime.models import StatusPage, UptimeDay, UptimeMonth, UptimePromise, UptimeWatch, WatchedEndpoint

__all__ = [
    "Checkout",
    "ConnectedAccount",
    "Contract",
    "Dispute",
    "Entitlement",
    "EntitlementDue",
    "Invoice",
    "InvoiceLine",
    "Offer",
    "PlanVersion",
    "Purchase",
    "PurchaseDue",
    "PurchaseKey",
    "PurchaseReport",
    "PurchaseReportDue",
    "Refund",
    "Sale",
    "SellerAccount",
    "SpendingCap",
    "StatusPage",
    "StripeCursor",
    "StripeCustomer",
    "StripeEvent",
    "Subscription",
    "UptimeDay",
    "UptimeMonth",
    "UptimePromise",
    "UptimeWatch",
    "UsageAlert",
    "UsageDue",
    "UsageEvent",
    "UsageHour",
    "UsageKept",
    "UsageReport",
    "UsageReportDue",
    "UsageWatermark",
    "WatchedEndpoint",
]
