"""SSO connections: made, configured, enabled, removed.

A connection says who people are. So what is in use is the owner's to change; what is not yet may be prepared by
whoever manages the tenant, and by the holder of a setup link.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core import refusals
from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.refusals import Refused
from core.rows import one_of
from core.tenancy import tenant_context
from tenants.access import PERMISSIONS, Actor, Permission
from tenants.allowance import require_right
from tenants.models import Role, SsoConnection, SsoKind, SsoSession, SsoSetupLink, Tenant
from tenants.sso.checks import MAXIMUM_GROUP
from tenants.sso.oidc import config as oidc
from tenants.sso.saml import config as saml
from tenants.sso.saml.documents import BadDocument
from tenants.sso.saml.metadata import provider_fetched, provider_in
from tenants.validation import cleaned, refused_fields
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.purposes import SSO_CONNECTION

MAXIMUM_CONNECTIONS = 20
MAXIMUM_MAPPINGS = 100
ASSIGNABLE = (Role.ADMIN, Role.DEVELOPER, Role.VIEWER)


@dataclass(frozen=True, slots=True)
class Configurer:
    """Who configures connections of a tenant: a member, or the holder of a setup link, who may touch `only` one."""

    tenant: Tenant
    is_owner: bool = False
    only: UUID | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Who people become when they come by a connection."""

    makes_members: bool = True
    default_role: str = Role.VIEWER
    roles: list[dict[str, str]] = field(default_factory=list)
    takes_unsolicited: bool = False
    takes_assertions: bool = False


def configurer(actor: Actor) -> Configurer:
    """A member as one who configures. Raises Refused(PERMISSION_DENIED)."""
    actor.require(Permission.MANAGE_TENANT)
    return Configurer(actor.tenant, is_owner=Permission.TRANSFER_OR_DELETE in PERMISSIONS[actor.role])


def connection_create(*, actor: Actor, name: str, kind: str) -> SsoConnection:
    """A new connection, which is not enabled. Runs inside the tenant's context.

    Raises Refused: INVALID_INPUT, CONFLICT for a taken name, LIMIT_REACHED, NOT_IN_PLAN, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    require_right(actor.tenant.id, "sso")
    if SsoConnection.objects.count() >= MAXIMUM_CONNECTIONS:
        raise Refused(refusals.LIMIT_REACHED, f"There are at most {MAXIMUM_CONNECTIONS} connections.")
    connection = cleaned(SsoConnection(tenant=actor.tenant, name=name.strip(), kind=kind))
    _prepare(connection)
    connection.save(force_insert=True)
    return connection


def connection_change_kind(*, by: Configurer, connection_id: UUID, kind: str) -> SsoConnection:
    """Begins a connection anew for a provider of another kind. Runs inside the tenant's context. Raises Refused."""
    connection = changeable(by, connection_id)
    if kind not in SsoKind.values:
        raise refused_fields({"kind": f"Choose one of {', '.join(SsoKind.values)}."})
    if connection.kind != kind:
        connection.kind, connection.config, connection.sealed = kind, {}, ""
        _prepare(connection)
        _changed(connection)
    return connection


def connection_configure(*, by: Configurer, connection_id: UUID, draft: Mapping[str, str]) -> SsoConnection:
    """Stores which provider it is, after asking the provider. Opens contexts of its own.

    `draft` holds the fields that `oidc.config.FIELDS` or `saml.config.FIELDS` name. What was tried before has to be
    tried again. Raises Refused: INVALID_INPUT with a sentence a field, PERMISSION_DENIED, NOT_FOUND.
    """
    with tenant_context(by.tenant.id):
        kind = changeable(by, connection_id).kind
    if kind == SsoKind.OIDC:
        found = oidc.provider_asked(draft.get("issuer", ""))
        with tenant_context(by.tenant.id):
            connection, keyring = changeable(by, connection_id), keyring_for_sealing(by.tenant.id)
            oidc.oidc_configured(connection, keyring, draft, found)
            return _changed(connection)
    provider = saml.provider_checked(_saml_provider(draft))
    with tenant_context(by.tenant.id):
        connection = changeable(by, connection_id)
        saml.saml_configured(connection, draft, provider)
        return _changed(connection)


def connection_rename(*, actor: Actor, connection_id: UUID, name: str) -> SsoConnection:
    """Gives a connection another name. Runs inside the tenant's context. Raises Refused."""
    connection = changeable(configurer(actor), connection_id)
    connection.name = name.strip()
    cleaned(connection).save(update_fields=["name", "updated_at"])
    return connection


def connection_set_admission(*, actor: Actor, connection_id: UUID, admission: Admission) -> SsoConnection:
    """Says who people become by it. Runs inside the tenant's context. Raises Refused."""
    connection = changeable(configurer(actor), connection_id)
    actor.require_grantable(_assignable("default_role", admission.default_role))
    connection.roles = _mappings(actor, admission.roles)
    connection.default_role = admission.default_role
    connection.makes_members = admission.makes_members
    connection.takes_unsolicited = admission.takes_unsolicited
    connection.takes_assertions = admission.takes_assertions
    cleaned(connection).save()
    return connection


def connection_enable(*, actor: Actor, connection_id: UUID) -> SsoConnection:
    """Lets people in by a connection that was tried as it is configured now. Runs inside the tenant's context.

    Its setup links end. Raises Refused: CONFLICT for one that was not tried, PERMISSION_DENIED for all but the owner.
    """
    actor.require(Permission.TRANSFER_OR_DELETE)
    connection = connection_for(connection_id, locked=True)
    if not connection.trial.get("ok"):
        raise Refused(refusals.CONFLICT, "Try a login first: nobody could come in by a connection that does not work.")
    connection.is_enabled = True
    connection.save(update_fields=["is_enabled", "updated_at"])
    SsoSetupLink.objects.filter(connection=connection).delete()
    return connection


def connection_disable(*, actor: Actor, connection_id: UUID) -> SsoConnection:
    """Lets nobody in by it any more, and ends the sessions of those who came. Runs inside the tenant's context."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    connection = connection_for(connection_id, locked=True)
    _require_way_in(actor.tenant, connection)
    connection.is_enabled = False
    connection.save(update_fields=["is_enabled", "updated_at"])
    SsoSession.objects.filter(identity__connection=connection).delete()
    return connection


def connection_delete(*, actor: Actor, connection_id: UUID) -> None:
    """Removes a connection, and what it knew of people; they stay members. Runs inside the tenant's context."""
    connection = changeable(configurer(actor), connection_id)
    _require_way_in(actor.tenant, connection)
    connection.delete()


def connection_for(connection_id: UUID, *, locked: bool = False) -> SsoConnection:
    """A connection of the tenant in context; raises Refused(NOT_FOUND)."""
    return one_of(SsoConnection.objects.all(), connection_id, locked=locked)


def changeable(by: Configurer, connection_id: UUID) -> SsoConnection:
    """A connection that `by` may change, locked. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    if by.only not in {None, connection_id}:
        raise Refused(refusals.NOT_FOUND)
    connection = connection_for(connection_id, locked=True)
    if connection.is_enabled and not by.is_owner:
        raise Refused(refusals.PERMISSION_DENIED, "It is in use: only the owner of the tenant changes it.")
    return connection


def is_configured(connection: SsoConnection) -> bool:
    """Whether somebody said which provider it is."""
    return bool(connection.config.get("provider") or connection.config.get("entity_id"))


def opened_settings(connection: SsoConnection, *, for_logout: bool = False) -> oidc.OidcSettings | saml.SamlSettings:
    """What a login by a connection needs. Runs inside the tenant's context.

    Raises Refused: CONFLICT for one that is not configured, or whose secrets can no longer be opened.
    """
    if not is_configured(connection):
        raise Refused(refusals.CONFLICT, "This connection is not configured yet.")
    keyring = keyring_for_opening(connection.tenant_id)
    try:
        if connection.kind == SsoKind.OIDC:
            return oidc.oidc_settings(connection, keyring)
        return saml.saml_settings(connection, keyring, for_logout=for_logout)
    except (Forged, KeyGone):
        raise Refused(refusals.CONFLICT, "Its secrets are gone with the tenant's key. Configure it again.") from None


def connections_resealed(keyring: Keyring) -> int:
    """Seals all connections' secrets of the tenant in context with the keyring's current key; how many they were."""
    rows = list(SsoConnection.objects.select_for_update().exclude(sealed=""))
    for connection in rows:
        row = _sealed_row(connection)
        sealed = keyring.resealed(SSO_CONNECTION, connection.sealed, *row)
        SsoConnection.objects.filter(pk=connection.pk).update(sealed=sealed)
    # What a provider is shown when somebody signs out is hours old at most: they sign out here alone.
    SsoSession.objects.exclude(sealed="").update(sealed="")
    return len(rows)


def _prepare(connection: SsoConnection) -> None:
    if connection.kind == SsoKind.SAML:
        saml.saml_prepared(connection, keyring_for_sealing(connection.tenant_id))


def _changed(connection: SsoConnection) -> SsoConnection:
    connection.trial, connection.last_error = {}, ""
    cleaned(connection).save()
    return connection


def _saml_provider(draft: Mapping[str, str]) -> saml.Provider:
    """The provider that metadata describe, by address or pasted; else the fields one by one."""
    url, xml = draft.get("metadata_url", "").strip(), draft.get("metadata_xml", "").strip()
    try:
        if xml:
            return provider_in(xml.encode("utf-8", "replace"))
        if url:
            return provider_fetched(url)
    except (BadDocument, OAuthFailed) as problem:
        raise refused_fields({"metadata_xml" if xml else "metadata_url": str(problem)}) from None
    said = {name: draft.get(name, "").strip() for name in ("entity_id", "sso_url", "slo_url")}
    binding = draft.get("slo_binding", "") or saml.LogoutBinding.REDIRECT
    return saml.Provider(**said, certificates=_split(draft.get("certificates", "")), slo_binding=binding)


def _split(text: str) -> tuple[str, ...]:
    """Certificates one after another: PEM after PEM, or base64 with an empty line between them."""
    if "-----BEGIN" in text:
        return tuple(part.partition("-----END")[0].partition("-----")[2] for part in text.split("-----BEGIN")[1:])
    return tuple(part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip())


def _mappings(actor: Actor, roles: list[dict[str, Any]]) -> list[dict[str, str]]:
    if len(roles) > MAXIMUM_MAPPINGS:
        raise refused_fields({"roles": f"There may be {MAXIMUM_MAPPINGS} groups."})
    made: dict[str, str] = {}
    for entry in roles:
        group = str(entry.get("group", "")).strip()
        if not (0 < len(group) <= MAXIMUM_GROUP and group.isprintable()) or group in made:
            raise refused_fields({"roles": "Name each group once, as the provider does."})
        made[group] = _assignable("roles", str(entry.get("role", "")))
        actor.require_grantable(made[group])
    return [{"group": group, "role": role} for group, role in made.items()]


def _assignable(field_name: str, role: str) -> str:
    if role not in ASSIGNABLE:
        raise refused_fields({field_name: f"Choose one of {', '.join(ASSIGNABLE)}."})
    return role


def _require_way_in(tenant: Tenant, connection: SsoConnection) -> None:
    """Where members have to come by SSO, one connection stays by which they can."""
    others = SsoConnection.objects.filter(is_enabled=True).exclude(pk=connection.pk)
    required = Tenant.objects.filter(pk=tenant.pk, requires_sso=True).exists()
    if connection.is_enabled and required and not others.exists():
        raise Refused(refusals.CONFLICT, "Members have to sign in by it: stop requiring single sign-on first.")


def _sealed_row(connection: SsoConnection) -> tuple[str, ...]:
    return oidc.sealed_row(connection) if connection.kind == SsoKind.OIDC else saml.sealed_row(connection)
