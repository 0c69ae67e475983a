"""Paying: an intent, a charge by the card, and what a refused card answers."""

from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account, new_id
from tests.stripe_simulator.connect import fee_take
from tests.stripe_simulator.customers import FAILS_LATER, REFUSED, TOO_POOR
from tests.stripe_simulator.faults import declined
from tests.stripe_simulator.routing import readable
from tests.stripe_simulator.shapes import Object, shaped

readable("payment_intent", "/v1/payment_intents", params.PaymentIntentRetrieveParams, params.PaymentIntentListParams,
         ("customer",))  # fmt: skip
readable("charge", "/v1/charges", params.ChargeRetrieveParams, params.ChargeListParams, ("customer", "payment_intent"))
_REASONS = {
    FAILS_LATER: ("Your card was declined.", "generic_decline"),
    REFUSED: ("Your card was declined.", "generic_decline"),
    TOO_POOR: ("Your card has insufficient funds.", "insufficient_funds"),
}


def intent_make(account: Account, customer: Object, amount: int, currency: str, **more: Any) -> Object:
    """What is to be paid, before anybody has."""
    identifier = new_id("payment_intent")
    return account.make(
        stripe.PaymentIntent, at=account.time_of(customer["id"]), id=identifier, amount=amount, currency=currency,
        amount_capturable=0, amount_received=0, customer=customer["id"], status="requires_payment_method",
        capture_method="automatic", confirmation_method="automatic", payment_method_types=["card"],
        client_secret=f"{identifier}_secret_{new_id('charge')}", **more,
    )  # fmt: skip


def charge(account: Account, intent: Object, card: Object | None) -> bool:
    """Has a card pay an intent; whether it did. Tells of what happened."""
    last4 = card["card"]["last4"] if card else None
    refusal = _REASONS.get(last4) if last4 else ("There is no payment method to charge.", "missing_payment_method")
    if refusal is None:
        intent.update(status="succeeded", amount_received=intent["amount"], payment_method=card["id"] if card else None)
        paid = _charge_make(account, intent, card, status="succeeded", paid=True, captured=True)
        fee_take(account, paid)
        account.emit("charge.succeeded", paid)
        account.emit("payment_intent.succeeded", intent)
        return True
    message, code = refusal
    intent["last_payment_error"] = declined(message, code).error
    failed = _charge_make(account, intent, card, status="failed", failure_code="card_declined", failure_message=message)
    account.emit("charge.failed", failed)
    account.emit("payment_intent.payment_failed", intent)
    return False


def _charge_make(account: Account, intent: Object, card: Object | None, **more: Any) -> Object:
    made = account.make(
        stripe.Charge, at=account.time_of(intent["customer"]), amount=intent["amount"], currency=intent["currency"],
        amount_captured=intent["amount"] if more["status"] == "succeeded" else 0, amount_refunded=0,
        customer=intent["customer"], payment_intent=intent["id"], payment_method=card["id"] if card else None,
        billing_details=shaped(stripe.Charge.BillingDetails), application_fee_amount=intent["application_fee_amount"],
        transfer_data=intent["transfer_data"], metadata=dict(intent["metadata"]), **more,
    )  # fmt: skip
    intent["latest_charge"] = made["id"]
    return made
