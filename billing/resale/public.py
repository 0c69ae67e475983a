"""What strangers may see of what is on sale."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.resale.models import Offer, OfferState, SellerAccount
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for
from tenants.models import Tenant
from tenants.models.tenant import is_slug


@dataclass(frozen=True, slots=True)
class PublicOffer:
    """An offer on sale. `amount` is in the currency's smallest unit; `tools` None: all of the endpoint.

    `is_purchasable`: whether the seller's account takes payments now.
    """

    tenant_id: UUID
    tenant_slug: str
    seller: str
    endpoint_id: UUID
    slug: str
    name: str
    description: str
    kind: str
    amount: Decimal
    currency: str
    tools: tuple[str, ...] | None
    is_purchasable: bool


def offer_on_sale(tenant_slug: str, offer_slug: str) -> PublicOffer | None:
    """An offer by the tenant's name, now or formerly, and its own; None for what is not on sale, whyever.

    Opens a context of its own.
    """
    try:
        tenant_id = tenant_id_for(tenant_slug)
    except Refused:
        return None
    if not is_slug(offer_slug):
        return None
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(delete_after=None).first()
        offer = Offer.objects.filter(slug=offer_slug, state=OfferState.ON_SALE).first()
        account = SellerAccount.objects.first()
    if tenant is None or offer is None:
        return None
    return PublicOffer(
        tenant_id=tenant_id,
        tenant_slug=tenant.slug,
        seller=tenant.name,
        endpoint_id=offer.endpoint_id,
        slug=offer.slug,
        name=offer.name,
        description=offer.description,
        kind=offer.kind,
        amount=offer.amount,
        currency=offer.currency,
        tools=None if offer.tools is None else tuple(offer.tools),
        is_purchasable=account is not None and account.can_sell and account.account_id == offer.account_id,
    )
