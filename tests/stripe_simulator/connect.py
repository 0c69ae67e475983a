"""Connect: accounts of others under a platform's, how they are set up, and the platform's fees."""

from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.catalogue import changed, plain
from tests.stripe_simulator.faults import Fault, invalid
from tests.stripe_simulator.routing import Request, page, readable, route
from tests.stripe_simulator.shapes import Object, shaped

LINK_SECONDS = 300

readable("application_fee", "/v1/application_fees", params.ApplicationFeeRetrieveParams,
         params.ApplicationFeeListParams, ("charge",))  # fmt: skip
# Where accounts are opened, and the currency of each.
COUNTRIES = {"US": "usd", "DE": "eur", "SE": "sek", "GB": "gbp", "CH": "chf", "JP": "jpy"}


@route("GET", "/v1/accounts", params.AccountListParams)
def account_list(request: Request) -> Object:
    """Those that are connected."""
    return page(request, [*request.account.all("account")])


@route("GET", "/v1/accounts/{}", params.AccountRetrieveParams)
def account_retrieve(request: Request) -> Object:
    """One of them."""
    return _connected(request.account, request.ids[0])


def _connected(account: Account, identifier: str) -> Object:
    if identifier not in account.connected:
        raise Fault(403, "invalid_request_error", f"The provided key does not have access to '{identifier}'.",
                    code="account_invalid")  # fmt: skip
    return account.get("account", identifier)


@route("GET", "/v1/account", params.AccountRetrieveCurrentParams)
def account_current(request: Request) -> Object:
    """The account whose key it is."""
    account = request.account
    return account.platform.objects[account.id] if account.platform else _own(account)


def _own(account: Account) -> Object:
    return shaped(
        stripe.Account, id=account.id, object="account", charges_enabled=True, country="US", default_currency="usd",
        details_submitted=True, payouts_enabled=True, type="standard",
    )  # fmt: skip


@route("POST", "/v1/accounts", params.AccountCreateParams)
def account_create(request: Request) -> Object:
    """An account of somebody else's, which can take no money before its owner has filled in what is asked."""
    account, given = request.account, request.params
    country = given.get("country", "US")
    if country not in COUNTRIES:
        raise invalid(f"Country '{country}' is unknown.", param="country", code="country_unsupported")
    capabilities = dict.fromkeys(given.get("capabilities", {}), "inactive")
    made = account.make(
        stripe.Account, country=country, email=given.get("email"), type=given.get("type", "none"),
        business_type=given.get("business_type"), capabilities=capabilities, charges_enabled=False,
        controller=given.get("controller"), default_currency=COUNTRIES[country], details_submitted=False,
        payouts_enabled=False,
        metadata=given.get("metadata") or {}, requirements=_requirements(["external_account", "tos_acceptance.date"]),
    )  # fmt: skip
    account.connect(made["id"])
    return made


def _requirements(due: list[str]) -> Object:
    return shaped(
        stripe.Account.Requirements, currently_due=due, eventually_due=due, past_due=[], pending_verification=[],
        errors=[], alternatives=[], disabled_reason="requirements.past_due" if due else None,
    )  # fmt: skip


@route("POST", "/v1/accounts/{}", params.AccountUpdateParams)
def account_update(request: Request) -> Object:
    """Changes it."""
    found = request.account.get("account", request.ids[0])
    return changed(request.account, found, plain(request.params, "capabilities", "controller"), "account.updated")


@route("POST", "/v1/account_links", params.AccountLinkCreateParams)
def account_link_create(request: Request) -> Object:
    """Where the owner of an account fills in what is asked; good for some minutes."""
    account, given = request.account, request.params
    found = _connected(account, given["account"])
    if given["type"] == "account_onboarding" and not (given.get("return_url") and given.get("refresh_url")):
        raise invalid("Onboarding needs `return_url` and `refresh_url`.", param="return_url")
    account.wanted[found["id"]] = given
    return shaped(
        stripe.AccountLink, object="account_link", created=account.now(), expires_at=account.now() + LINK_SECONDS,
        url=f"{request.base}/_hosted/onboarding/{found['id']}",
    )  # fmt: skip


def onboard(account: Account, connected: Object) -> None:
    """Its owner has filled in what was asked."""
    before = dict(connected)
    connected.update(
        charges_enabled=True, payouts_enabled=True, details_submitted=True, requirements=_requirements([]),
        capabilities=dict.fromkeys(connected["capabilities"], "active"),
    )  # fmt: skip
    account.connected[connected["id"]].emit("account.updated", connected, before=before)


def restrict(account: Account, identifier: str, due: list[str]) -> None:
    """Stripe wants to know more, and until then nobody can pay into it."""
    connected = _connected(account, identifier)
    before = dict(connected)
    connected.update(charges_enabled=False, payouts_enabled=False, requirements=_requirements(due))
    account.connected[identifier].emit("account.updated", connected, before=before)


def deauthorize(account: Account, identifier: str) -> None:
    """Its owner takes the platform's access away. What runs there goes on, and the platform sees nothing of it."""
    connected = account.connected[identifier]
    connected.emit("account.application.deauthorized", {"object": "application", "id": "ca_simulator", "name": "It"})
    del account.connected[identifier]
    account.drop(account.get("account", identifier))


def fee_take(account: Account, charge: Object) -> None:
    """The platform's fee of a payment in an account under it."""
    amount: Any = charge["application_fee_amount"]
    if account.platform is None or not amount:
        return
    fee = account.platform.make(
        stripe.ApplicationFee, account=account.id, amount=amount, amount_refunded=0, application="ca_simulator",
        charge=charge["id"], currency=charge["currency"],
        refunds={"object": "list", "data": [], "has_more": False, "url": "/v1/application_fees"},
    )  # fmt: skip
    charge["application_fee"] = fee["id"]
    account.platform.emit("application_fee.created", fee)
