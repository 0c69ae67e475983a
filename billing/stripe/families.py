"""Which events mean something here, and what each is about."""

from enum import StrEnum


class Family(StrEnum):
    """What has to be looked at again when an event came."""

    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    CHECKOUT = "checkout"
    REFUND = "refund"
    DISPUTE = "dispute"
    CUSTOMER = "customer"
    # Of accounts under the platform's, and the platform's fees of what is paid there (billing/resale).
    ACCOUNT = "account"
    FEE = "fee"


# By the beginning of the event's type: the longest that fits counts.
_BEGINNINGS = {
    "customer.subscription.": Family.SUBSCRIPTION,
    "invoice.": Family.INVOICE,
    "checkout.session.": Family.CHECKOUT,
    "charge.refund": Family.REFUND,
    "refund.": Family.REFUND,
    "charge.dispute.": Family.DISPUTE,
    "customer.created": Family.CUSTOMER,
    "customer.deleted": Family.CUSTOMER,
    "account.": Family.ACCOUNT,
    "application_fee.refund": Family.FEE,
}
# What Stripe is asked to send: the smallest list that names all of the above.
WANTED_EVENTS = (
    "account.application.deauthorized",
    "account.updated",
    "application_fee.refunded",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.created",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "invoice.created",
    "invoice.deleted",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "refund.created",
    "refund.failed",
    "refund.updated",
)


def family_of(kind: str) -> Family | None:
    """What an event of this type is about; None for one that means nothing here (upcoming invoices have no id)."""
    if kind == "invoice.upcoming":
        return None
    fitting = [beginning for beginning in _BEGINNINGS if kind.startswith(beginning)]
    return _BEGINNINGS[max(fitting, key=len)] if fitting else None
