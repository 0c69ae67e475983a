"""Writing down what was found in a seller's account, and what follows: one transaction, and one way for all.

Runs inside the tenant's context. Whoever writes holds the seller's row, so that what is compared stays true.
"""

from dataclasses import asdict
from uuid import UUID

from django.utils import timezone

from billing.resale.directory import seller_held
from billing.resale.due import due_note
from billing.resale.ending import ended_here
from billing.resale.fetched import FetchedAccount, FetchedCheckout, FetchedPurchase, FetchedSale, FetchedSeller
from billing.resale.models import (
    SERVED,
    STANDING,
    ConnectedAccount,
    DueWhat,
    Offer,
    OfferKind,
    OfferState,
    Purchase,
    PurchaseStanding,
    Sale,
    SellerAccount,
)

DISCONNECTED = "The seller's account at Stripe was taken away from the platform; what you pay there ends with Stripe."
NOT_PAID = "Its payments failed, and Stripe tries no more."
ENDED = "It was cancelled."


def seller_written(tenant_id: UUID, ticket: int, account_id: str, found: FetchedSeller) -> None:
    """Stores what was found in an account under a ticket wherever nothing later is known."""
    held = seller_held()
    if held is None or held.account_id != account_id:
        return  # another account has taken its place
    if found.account is not None:
        account_written(tenant_id, ticket, found.account)
    for purchase in found.purchases:
        _purchase(account_id, ticket, purchase)
    for checkout in found.checkouts:
        _checkout(account_id, checkout)
    for sale in found.sales:
        _sale(account_id, ticket, sale)


def account_written(tenant_id: UUID, ticket: int, found: FetchedAccount) -> None:
    """Stores how the account stands, unless something later is known."""
    seller_held()
    rows = SellerAccount.objects.filter(tenant_id=tenant_id, account_id=found.account_id, guard__lt=ticket)
    if found.is_gone:
        if rows.update(guard=ticket, charges_enabled=False, payouts_enabled=False, disconnected_at=timezone.now()):
            _lost(found.account_id)
        return
    values = asdict(found)
    del values["is_gone"], values["account_id"]
    rows.update(guard=ticket, **values | {"requirements_due": list(found.requirements_due)})


def _lost(account_id: str) -> None:
    """Nothing that happens in the account is heard of any more: what was bought there is over."""
    ConnectedAccount.objects.filter(pk=account_id).delete()
    on_sale = Offer.objects.filter(account_id=account_id, state=OfferState.ON_SALE)
    on_sale.update(state=OfferState.WITHDRAWN, withdrawn_at=timezone.now())
    for purchase in Purchase.objects.filter(account_id=account_id).exclude(standing=PurchaseStanding.ENDED):
        ended_here(purchase, DISCONNECTED)


def _purchase(account_id: str, ticket: int, found: FetchedPurchase) -> None:
    rows = Purchase.objects.select_for_update().select_related(None)
    row = rows.filter(pk=found.purchase_id, account_id=account_id).first()
    # Whoever has the account can write our label onto anything in it: the first subscription is the purchase's.
    if row is None or row.guard >= ticket or row.subscription_id not in {"", found.subscription_id}:
        return
    former, had_begun = row.standing, row.began_at is not None
    row.guard, row.standing = ticket, found.standing
    row.subscription_id, row.customer_id = found.subscription_id, found.customer_id
    row.period_start, row.period_end = found.period_start, found.period_end
    row.cancel_at, row.ended_at = found.cancel_at, found.ended_at
    row.began_at = row.began_at or found.began_at
    if row.standing == PurchaseStanding.ENDED and not row.end_reason:
        row.end_reason = NOT_PAID if found.is_unpaid else ENDED
    row.save()
    _follow(row, former, had_begun=had_begun)


def _follow(row: Purchase, former: str, *, had_begun: bool) -> None:
    if (former in SERVED) != row.is_served:
        due_note(row, DueWhat.PUBLISH)
    if row.standing in STANDING and row.end_reason:
        # It was to end before anybody had paid, and then somebody had.
        due_note(row, DueWhat.END)
    if row.standing == PurchaseStanding.ENDED and former != PurchaseStanding.ENDED:
        due_note(row, DueWhat.TELL_ENDED)
    elif not had_begun:
        due_note(row, DueWhat.TELL_BEGUN)
    elif former == PurchaseStanding.ACTIVE and row.standing in {PurchaseStanding.PAST_DUE, PurchaseStanding.UNPAID}:
        due_note(row, DueWhat.TELL_FAILED)


def _checkout(account_id: str, found: FetchedCheckout) -> None:
    if found.is_expired:
        rows = Purchase.objects.filter(account_id=account_id, checkout_id=found.checkout_id, subscription_id="")
        rows.filter(standing=PurchaseStanding.OPENED).update(
            standing=PurchaseStanding.ENDED, ended_at=timezone.now(), checkout_url=""
        )


def _sale(account_id: str, ticket: int, found: FetchedSale) -> None:
    purchases = Purchase.objects.select_related("offer")
    purchase = purchases.filter(pk=found.purchase_id, account_id=account_id).first()
    known = Sale.objects.filter(invoice_id=found.invoice_id).values_list("guard", flat=True).first()
    if purchase is None or (known is not None and known >= ticket):
        return
    values = asdict(found)
    quantities = values.pop("quantities")
    del values["purchase_id"], values["invoice_id"]
    offer = purchase.offer
    values["calls"] = quantities.get(offer.price_id, 0) if offer.kind == OfferKind.PER_CALL else 0
    values |= {"purchase": purchase, "guard": ticket}
    Sale.objects.update_or_create(tenant_id=purchase.tenant_id, invoice_id=found.invoice_id, defaults=values)
