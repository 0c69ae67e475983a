"""Money that goes back: refunds, and disputes as a bank opens and closes them."""

from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.money import share
from tests.stripe_simulator.routing import Request, readable, route
from tests.stripe_simulator.shapes import Object, shaped

readable("refund", "/v1/refunds", params.RefundRetrieveParams, params.RefundListParams,
         ("charge", "payment_intent", "created"))  # fmt: skip
readable("dispute", "/v1/disputes", params.DisputeRetrieveParams, params.DisputeListParams, ("charge",))


@route("POST", "/v1/refunds", params.RefundCreateParams)
def refund_create(request: Request) -> Object:
    """Gives back a payment, or a part of it. Raises Fault for more than is left of it."""
    given = request.params
    charge = _charge(request.account, given.get("charge"), given.get("payment_intent"))
    return _given_back(request.account, charge, given)


def give_back(account: Account, charge: str | None) -> Object:
    """All that is left of a payment, as its owner does in the dashboard. Raises Fault."""
    return _given_back(account, account.get("charge", charge), {})


def _given_back(account: Account, charge: Object, given: dict[str, Any]) -> Object:
    left = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    if charge["status"] != "succeeded" or left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount")
    refund = account.make(
        stripe.Refund, amount=amount, currency=charge["currency"], charge=charge["id"], status="succeeded",
        payment_intent=charge["payment_intent"], reason=given.get("reason"), metadata=given.get("metadata") or {},
    )  # fmt: skip
    before = dict(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if given.get("refund_application_fee") and charge["application_fee"] and account.platform:
        fee = account.platform.get("application_fee", charge["application_fee"])
        fee_refund(account.platform, fee, share(fee["amount"], amount, charge["amount"]))
    account.emit("refund.created", refund)
    account.emit("charge.refunded", charge, before=before)
    return refund


def _charge(account: Account, charge: str | None, intent: str | None) -> Object:
    if charge is None and intent is not None:
        charge = account.named("payment_intent", intent, "payment_intent")["latest_charge"]
    return account.named("charge", charge, "charge")


def dispute_open(account: Account, charge: str) -> Object:
    """What a bank does when its customer does not know a payment."""
    paid = account.get("charge", charge)
    if paid["disputed"]:
        raise invalid("This charge is disputed already.")
    evidence = shaped(stripe.Dispute.Evidence, enhanced_evidence={})
    details = shaped(
        stripe.Dispute.EvidenceDetails, enhanced_eligibility={}, has_evidence=False, past_due=False,
        submission_count=0, submission_method="not_submitted", due_by=account.now() + 7 * 86_400,
    )  # fmt: skip
    paid["disputed"] = True
    dispute = account.make(
        stripe.Dispute, amount=paid["amount"], charge=charge, currency=paid["currency"], evidence=evidence,
        evidence_details=details, is_charge_refundable=False, payment_intent=paid["payment_intent"],
        reason="fraudulent", status="needs_response",
    )  # fmt: skip
    account.emit("charge.dispute.created", dispute)
    return dispute


def dispute_close(account: Account, dispute: str, status: str) -> Object:
    """The bank decided: `won` or `lost`."""
    found = account.get("dispute", dispute)
    before = dict(found)
    found["status"] = status
    account.emit("charge.dispute.closed", found, before=before)
    return found


@route("POST", "/v1/application_fees/{}/refunds", params.ApplicationFeeCreateRefundParams)
def fee_refund_create(request: Request) -> Object:
    """The platform gives a fee back, or a part of it. Raises Fault for more than is left of it."""
    account = request.account
    fee = account.get("application_fee", request.ids[0])
    left = fee["amount"] - fee["amount_refunded"]
    amount = request.params.get("amount", left)
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than what is left of the fee ({left}).", param="amount")
    return fee_refund(account, fee, amount)


def fee_refund(platform: Account, fee: Object, amount: int) -> Object:
    """What of a fee goes back to the account that paid it."""
    before = dict(fee)
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    made = platform.make(
        stripe.ApplicationFeeRefund, amount=amount, currency=fee["currency"], fee=fee["id"], metadata={}
    )
    platform.emit("application_fee.refunded", fee, before=before)
    return made
