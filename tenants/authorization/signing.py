"""The keys that sign a tenant's access tokens. Each runs inside the tenant's context."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey

from core.envelope import KeyGone, Keyring
from tenants.authorization.gate import ALGORITHM, MAXIMUM_TOKEN_SECONDS
from tenants.authorization.issuers import issuer_of
from tenants.authorization.publishing import MARGIN, gate_publish, published_issuers
from tenants.models import SigningKey
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.purposes import SIGNING, own_row


def sign(tenant_id: UUID, claims: dict[str, Any], *, typ: str) -> str:
    """The claims as a JSON Web Token that the tenant's newest key signed (RFC 7515), `typ` in its header.

    The first one makes the key, and so does the first after the tenant's data keys were destroyed.
    """
    row = _signing(tenant_id)
    try:
        pem = _opened(row)
    except KeyGone:
        signing_key_rotate(tenant_id)
        row = _signing(tenant_id)
        pem = _opened(row)
    header = {"alg": ALGORITHM, "kid": row.kid, "typ": typ}
    return jwt.encode(header, claims, ECKey.import_key(pem), algorithms=[ALGORITHM])


def public_keys(tenant_id: UUID) -> list[dict[str, Any]]:
    """The tenant's public keys as a JWK Set has them (RFC 7517 section 5). Makes the first key.

    Whoever asks before a token is issued spares the first token a race with its key.
    """
    _signing(tenant_id)
    current = Q(forget_after=None) | Q(forget_after__gt=timezone.now())
    return list(SigningKey.objects.filter(current).order_by("created_at", "id").values_list("public", flat=True))


def issuer_make_known(tenant_id: UUID) -> None:
    """Has workers know the issuer of this request, and the first key, before the first token that names them comes."""
    _signing(tenant_id)
    if issuer_of(tenant_id) not in published_issuers(tenant_id):
        gate_publish(tenant_id)


def signing_key_rotate(tenant_id: UUID) -> None:
    """Has a new key sign. Tokens of the former one stay good until they expire."""
    forget_after = timezone.now() + timedelta(seconds=MAXIMUM_TOKEN_SECONDS) + MARGIN
    SigningKey.objects.filter(forget_after=None).update(forget_after=forget_after)
    _make(tenant_id)
    SigningKey.objects.filter(forget_after__lte=timezone.now()).delete()


def signing_keys_resealed(keyring: Keyring) -> int:
    """Seals all signing keys of the tenant in context with the keyring's current key; how many they were."""
    rows = list(SigningKey.objects.select_for_update())
    for row in rows:
        SigningKey.objects.filter(pk=row.pk).update(sealed=keyring.resealed(SIGNING, row.sealed, *own_row(row.pk)))
    return len(rows)


def _opened(row: SigningKey) -> bytes:
    return keyring_for_opening(row.tenant_id).unseal(SIGNING, row.sealed, *own_row(row.pk))


def _signing(tenant_id: UUID) -> SigningKey:
    found = SigningKey.objects.filter(forget_after=None).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return _make(tenant_id)
    except IntegrityError:
        return SigningKey.objects.get(forget_after=None)  # another made it meanwhile


def _make(tenant_id: UUID) -> SigningKey:
    key = ECKey.generate_key("P-256", private=True)
    row_id, kid = uuid4(), key.thumbprint()
    sealed = keyring_for_sealing(tenant_id).seal(SIGNING, key.as_pem(private=True), *own_row(row_id))
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    made = SigningKey.objects.create(id=row_id, tenant_id=tenant_id, kid=kid, public=public, sealed=sealed)
    gate_publish(tenant_id)
    return made
