"""Which tenant's an account under the platform's is, and what is asked of Stripe there."""

from uuid import UUID

from stripe import RequestOptions

from billing.resale.models import ConnectedAccount, SellerAccount


def seller_of(account_id: str) -> UUID | None:
    """The tenant whose account it is; None for one that is not, or no longer, connected."""
    return ConnectedAccount.objects.filter(pk=account_id).values_list("tenant_id", flat=True).first()


def seller_held() -> SellerAccount | None:
    """The tenant's account, held against whoever else writes down anything of it. Inside its context."""
    return SellerAccount.objects.select_for_update().first()


def account_linked(tenant_id: UUID, account_id: str) -> None:
    """Says whose an account is; that takes the place of another account of the tenant. Inside its context."""
    seller_held()
    if account_id and not ConnectedAccount.objects.filter(pk=account_id, tenant_id=tenant_id).exists():
        ConnectedAccount.objects.filter(tenant_id=tenant_id).delete()
        ConnectedAccount.objects.create(pk=account_id, tenant_id=tenant_id)
    SellerAccount.objects.filter(tenant_id=tenant_id).update(account_id=account_id, disconnected_at=None)


def inside(account_id: str, key: str = "") -> RequestOptions:
    """Options of a request that is made in a connected account; `key` has whatever repeats it do it once."""
    options: RequestOptions = {"stripe_account": account_id}
    if key:
        options["idempotency_key"] = key
    return options
