"""The hosted pages: checkout, portal, an open invoice, the set-up of an account. Labelled for what they are."""

from collections.abc import Callable
from html import escape

from tests.stripe_simulator import checkout, connect, portal, refunds
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.balances import held
from tests.stripe_simulator.faults import missing
from tests.stripe_simulator.shapes import Object
from tests.stripe_simulator.world import World

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#1a1f36}"
    "h1{font-size:1.4rem}table{width:100%;border-collapse:collapse}td{padding:.3rem 0;border-bottom:1px solid #e3e8ee}"
    "td:last-child{text-align:right}label{display:block;margin:.8rem 0 .2rem}"
    "input{font:inherit;width:100%;padding:.5rem;border:1px solid #8792a2;border-radius:.3rem;box-sizing:border-box}"
    "button{font:inherit;margin:1rem .5rem 0 0;padding:.6rem 1rem;border:0;border-radius:.3rem;background:#4b45c6;"
    "color:#fff}.label,.wrong{background:#fff3cd;padding:.5rem .8rem;border-radius:.3rem}.wrong{background:#fde2dd}"
)
_CARDS = (
    "Simulated Stripe: no money moves. 4242 4242 4242 4242 pays, 4000 0000 0000 0341 fails when it is charged, "
    "4000 0000 0000 0002 is refused."
)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title} · Stripe simulator</title><style>{style}</style>"
    '<p class="label">{cards}</p>{wrong}<h1>{title}</h1>{body}</html>'
)


def page(title: str, body: str, wrong: str = "") -> str:
    """A whole page. `body` is HTML, everything else text."""
    shown = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return _PAGE.format(title=escape(title), style=_STYLE, cards=_CARDS, body=body, wrong=shown)


def money(amount: int, currency: str) -> str:
    """An amount as people read it."""
    return f"{amount / 100:,.2f} {currency.upper()}"


def _form(fields: str, button: str, action: str = "") -> str:
    hidden = f'<input type="hidden" name="action" value="{action}">' if action else ""
    return f'<form method="post">{hidden}{fields}<button>{escape(button)}</button></form>'


def _field(name: str, label: str, value: str = "", *, more: str = "") -> str:
    return (
        f'<label for="{name}">{escape(label)}</label><input id="{name}" name="{name}" value="{escape(value)}" {more}>'
    )


def checkout_page(session: Object, wrong: str) -> str:
    """What is bought, and a form for a card."""
    rows = "".join(
        f"<tr><td>{escape(line['description'])}</td><td>{money(line['amount_total'], line['currency'])}</td></tr>"
        for line in session["line_items"]["data"]
    )
    fields = "" if session["customer"] else _field("email", "E-mail", session["customer_email"] or "")
    fields += _field("card", "Card number", more='inputmode="numeric" required')
    if session["allow_promotion_codes"]:
        fields += _field("promotion_code", "Promotion code")
    total = money(session["amount_total"], session["currency"])
    cancel = f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>' if session["cancel_url"] else ""
    return page("Checkout", f"<table>{rows}</table>{_form(fields, f'Pay {total}')}{cancel}", wrong)


def portal_page(account: Account, session: Object, wrong: str) -> str:
    """The card, open invoices, and subscriptions of a customer."""
    customer = account.get("customer", session["customer"])
    body = _form(_field("card", "New card number"), "Use this card", "card")
    for invoice in account.all("invoice", customer=customer["id"]):
        due = money(invoice["amount_due"], invoice["currency"])
        body += f"<p>{escape(invoice['number'] or 'draft')}: {due}, {invoice['status']}</p>"
        if invoice["status"] == "open":
            body += _form(f'<input type="hidden" name="invoice" value="{invoice["id"]}">', "Pay now", "pay")
    for subscription in account.all("subscription", customer=customer["id"]):
        body += _subscription(subscription)
    back = f'<p><a href="{escape(session["return_url"])}">Back</a></p>' if session["return_url"] else ""
    return page("Billing", body + back, wrong)


def _subscription(subscription: Object) -> str:
    body = f"<p>Subscription {subscription['id']}: {subscription['status']}"
    body += ", ends with its period</p>" if subscription["cancel_at_period_end"] else "</p>"
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        return body
    hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
    ends = subscription["cancel_at_period_end"]
    return body + _form(
        hidden, "Keep it" if ends else "Cancel at the end of the period", "resume" if ends else "cancel"
    )


def invoice_page(account: Account, invoice: Object, wrong: str) -> str:
    """The lines of an invoice, and a form to pay it if it is open."""
    rows = "".join(
        f"<tr><td>{escape(line['description'] or '')}</td><td>{money(line['amount'], line['currency'])}</td></tr>"
        for line in invoice["lines"]["data"]
    )
    pays = _form("", f"Pay {money(invoice['amount_remaining'], invoice['currency'])}", "pay")
    return page(
        f"Invoice {invoice['number']}", f"<table>{rows}</table>{pays if invoice['status'] == 'open' else ''}", wrong
    )


type Shown = tuple[Callable[[str], str], Callable[[dict[str, str]], str | None]]


def shown(world: World, kind: str, identifier: str) -> Shown:
    """How to draw a hosted page, and what its form does: where the browser goes then, or None to stay. Raises Fault."""
    for account in world.everybody():
        if kind == "account" and identifier not in account.connected:
            continue
        if identifier in account.objects:
            return _PAGES[kind](account, account.objects[identifier])
    raise missing("page", identifier)


def _checkout(account: Account, session: Object) -> Shown:
    def act(form: dict[str, str]) -> str:
        checkout.complete(account, session, form)
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])

    return lambda wrong: checkout_page(session, wrong), act


def _portal(account: Account, session: Object) -> Shown:
    return lambda wrong: portal_page(account, session, wrong), lambda form: portal.act(account, session, form)


def _invoice(account: Account, invoice: Object) -> Shown:
    def act(_form: dict[str, str]) -> None:
        portal.pay_open(account, invoice)

    return lambda wrong: invoice_page(account, invoice, wrong), act


def _onboarding(account: Account, connected: Object) -> Shown:
    def act(_form: dict[str, str]) -> str:
        connect.onboard(account, connected)
        return str(account.wanted[connected["id"]]["return_url"])

    body = "<p>Here the owner of an account would say who they are and where their money goes.</p>"
    return lambda wrong: page("Set up payments", body + _form("", "Everything is filled in"), wrong), act


def _account(platform: Account, connected: Object) -> Shown:
    account = platform.connected[connected["id"]]

    def act(form: dict[str, str]) -> None:
        refunds.give_back(account, form.get("charge"))

    return lambda wrong: account_page(account, wrong), act


def account_page(account: Account, wrong: str) -> str:
    """What an account holds, and its payments, each with a way to give it back."""
    body = "".join(f"<p>It holds {money(amount, currency)}.</p>" for currency, amount in held(account).items())
    for charge in account.all("charge", status="succeeded"):
        body += f"<p>{money(charge['amount'], charge['currency'])}"
        body += f", {money(charge['amount_refunded'], charge['currency'])} given back</p>"
        if not charge["refunded"]:
            body += _form(f'<input type="hidden" name="charge" value="{charge["id"]}">', "Give it back")
    return page("Payments", body, wrong)


_PAGES = {
    "account": _account,
    "checkout": _checkout,
    "portal": _portal,
    "invoice": _invoice,
    "onboarding": _onboarding,
}
