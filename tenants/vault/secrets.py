"""Static secrets: store, remove, open. Each runs inside the tenant's context.

`holder` is the id of what uses them (an upstream's, say). `destination` is where they may be sent, as
`UpstreamSource.destination` tells: pointing the holder elsewhere does not take its secrets along.
"""

from collections.abc import Mapping
from uuid import UUID

from core import refusals
from core.envelope import Keyring
from core.refusals import Refused
from tenants.access import Actor, Permission
from tenants.models import Secret
from tenants.validation import cleaned, refused_fields
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.purposes import SECRET, secret_row

MAXIMUM_CHARACTERS = 16_384  # a private key with its certificates
MAXIMUM_SECRETS = 50


def secret_store(*, actor: Actor, holder: UUID, name: str, value: str, destination: str) -> Secret:
    """Stores a secret, in place of a former one of this name.

    Raises Refused: INVALID_INPUT for an empty or over-long value, LIMIT_REACHED, PERMISSION_DENIED.
    """
    actor.require(Permission.EDIT_ENDPOINTS)
    if not value or len(value) > MAXIMUM_CHARACTERS:
        raise refused_fields({f"secrets.{name}": f"A secret has 1 to {MAXIMUM_CHARACTERS} characters."})
    keyring = keyring_for_sealing(actor.tenant.id)
    secret = _row(actor, holder, name)
    secret.destination = destination
    secret.sealed = keyring.seal(SECRET, value.encode("utf-8", "surrogatepass"), *_place(secret))
    cleaned(secret).save()
    return secret


def secret_remove(*, actor: Actor, holder: UUID, name: str) -> None:
    """Removes a secret; one that is not there is none."""
    actor.require(Permission.EDIT_ENDPOINTS)
    Secret.objects.filter(holder=holder, name=name).delete()


def secrets_forget(*, holder: UUID) -> None:
    """Removes all of a holder's secrets: it is deleted, or goes elsewhere. Its own service checks who may do that."""
    Secret.objects.filter(holder=holder).delete()


def secrets_write(*, actor: Actor, holder: UUID, destination: str, secrets: Mapping[str, str]) -> None:
    """What a draft says: each secret is stored, an empty one removed; those that it does not name stay.

    Raises like `secret_store`.
    """
    for name, value in secrets.items():
        if value:
            secret_store(actor=actor, holder=holder, name=name, value=value, destination=destination)
        else:
            secret_remove(actor=actor, holder=holder, name=name)


def secrets_opened(*, tenant_id: UUID, holder: UUID, destination: str) -> dict[str, str]:
    """The holder's secrets in clear, by name: for use at `destination` now, never to be kept, shown or logged.

    Those that were given for another destination are not among them (`selectors.secrets_of` names them all).
    Raises core.envelope.KeyGone once the tenant's key is destroyed, core.crypto.Forged for altered rows.
    """
    keyring = keyring_for_opening(tenant_id)
    rows = Secret.objects.filter(holder=holder, destination=destination).order_by("name")
    return {secret.name: _opened(keyring, secret) for secret in rows}


def secrets_resealed(keyring: Keyring) -> int:
    """Seals all secrets of the tenant in context with the keyring's current key; how many they were."""
    rows = list(Secret.objects.select_for_update())
    for secret in rows:
        Secret.objects.filter(pk=secret.pk).update(sealed=keyring.resealed(SECRET, secret.sealed, *_place(secret)))
    return len(rows)


def _row(actor: Actor, holder: UUID, name: str) -> Secret:
    found = Secret.objects.select_for_update().filter(holder=holder, name=name).first()
    if found is None and Secret.objects.filter(holder=holder).count() >= MAXIMUM_SECRETS:
        raise Refused(refusals.LIMIT_REACHED, f"There are at most {MAXIMUM_SECRETS} secrets here.")
    return found or Secret(tenant=actor.tenant, holder=holder, name=name)


def _place(secret: Secret) -> tuple[str, ...]:
    return secret_row(secret.holder, secret.name, secret.destination)


def _opened(keyring: Keyring, secret: Secret) -> str:
    return keyring.unseal(SECRET, secret.sealed, *_place(secret)).decode("utf-8", "surrogatepass")
