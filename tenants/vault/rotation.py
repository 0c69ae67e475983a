"""A tenant's key as a whole: exchanged for a new one, or destroyed with all that it sealed."""

from uuid import UUID

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.authorization.signing import signing_keys_resealed
from tenants.models import Login, TenantSlug
from tenants.sso.connections import connections_resealed
from tenants.vault.clients import clients_resealed
from tenants.vault.errands import revocations_resealed
from tenants.vault.keyrings import key_added, keys_destroyed
from tenants.vault.secrets import secrets_resealed
from tenants.vault.token_sets import token_sets_resealed


def tenant_key_rotate(*, slug: str) -> int:
    """Seals everything of a tenant with a new key and destroys the former ones; how many values were sealed.

    Opens its own context: one transaction, so that it is done or has not happened. Raises Refused(NOT_FOUND), and
    core.crypto.Forged for a value that cannot be opened, in which case nothing is changed.
    """
    tenant_id = _tenant_id(slug)
    with tenant_context(tenant_id):
        keyring = key_added(tenant_id)
        # Logins that are under way begin again: minutes old, they are not worth carrying over.
        Login.objects.all().delete()
        resealed = sum(
            reseal(keyring)
            for reseal in (
                secrets_resealed,
                clients_resealed,
                token_sets_resealed,
                revocations_resealed,
                signing_keys_resealed,
                connections_resealed,
            )
        )
        keys_destroyed(before=keyring.current)
    return resealed


def tenant_key_destroy(*, slug: str) -> int:
    """Destroys a tenant's keys: none of its secrets can ever be opened again. How many keys there were.

    What is stored afterwards is sealed with a new key. Opens its own context. Raises Refused(NOT_FOUND).
    """
    tenant_id = _tenant_id(slug)
    with tenant_context(tenant_id):
        return keys_destroyed()


def _tenant_id(slug: str) -> UUID:
    found = TenantSlug.objects.filter(slug=slug).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND, f"There is no tenant {slug}.")
    return found.tenant_id
