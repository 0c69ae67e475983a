"""What an account holds: what was paid there, less what went back, what a bank took and what the platform kept."""

import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.routing import Request, route
from tests.stripe_simulator.shapes import Object, shaped

_KEPT = frozenset({"won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented"})


def held(account: Account) -> dict[str, int]:
    """Amounts by currency. Stripe takes nothing for itself here."""
    found: dict[str, int] = {}
    for charge in account.all("charge", status="succeeded"):
        _add(found, charge["currency"], charge["amount"] - (charge["application_fee_amount"] or 0))
    for refund in account.all("refund", status="succeeded"):
        _add(found, refund["currency"], -refund["amount"])
    for dispute in account.all("dispute"):
        _add(found, dispute["currency"], 0 if dispute["status"] in _KEPT else -dispute["amount"])
    for fee in account.platform.all("application_fee", account=account.id) if account.platform else ():
        _add(found, fee["currency"], fee["amount_refunded"])
    for fee in account.all("application_fee"):
        _add(found, fee["currency"], fee["amount"] - fee["amount_refunded"])
    return found


def _add(found: dict[str, int], currency: str, amount: int) -> None:
    found[currency] = found.get(currency, 0) + amount


@route("GET", "/v1/balance", params.BalanceRetrieveParams)
def balance(request: Request) -> Object:
    """All of it can be paid out at once."""
    available = [
        shaped(stripe.Balance.Available, amount=amount, currency=currency)
        for currency, amount in held(request.account).items()
    ]
    return shaped(stripe.Balance, object="balance", available=available, livemode=request.account.livemode, pending=[])
