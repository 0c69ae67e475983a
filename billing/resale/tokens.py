"""The token with which a buyer manages a purchase: the same one each time, so that every mail can say it anew.

It is an HMAC of the purchase's id under the platform's secret. Its digest alone is stored, and whose tenant's it is
stands in it in clear, as in keys of the REST API.
"""

from uuid import UUID

from billing.resale.models import Purchase
from core import crypto, keys

KIND = "apt"
_PURPOSE = "purchase token"


def token_for(tenant_id: UUID, purchase_id: UUID) -> str:
    """A purchase's token."""
    return f"{KIND}_{crypto.encode(tenant_id.bytes)}_{crypto.encode(crypto.sign(_PURPOSE, purchase_id.bytes))}"


def token_of(purchase: Purchase) -> str:
    """The same; also where the platform's secret changed since, it works from then on. Inside the seller's context."""
    token = token_for(purchase.tenant_id, purchase.pk)
    Purchase.objects.filter(pk=purchase.pk).exclude(token_digest=keys.digest(token)).update(
        token_digest=keys.digest(token)
    )
    return token
