"""The models of people and tenants, one noun a module."""

from tenants.models.api_key import ApiKey
from tenants.models.audit import AuditDue, AuditEvent, AuditHead, AuditTarget
from tenants.models.authorization import (
    AuthMethod,
    AuthorizationCode,
    AuthorizationPolicy,
    ClientGrant,
    ClientKind,
    DeviceCode,
    GrantOrigin,
    McpClient,
    RefreshToken,
)
from tenants.models.connection import Connection, ConnectionState, GrantType, Login, OAuthClient
from tenants.models.deprovision import Cause, Deprovision, DeprovisionDue, DeprovisionItem
from tenants.models.gate import Cutoff, PublishedGate, SeenAssertion, SigningKey
from tenants.models.group import Group, GroupClient, GroupMember, GroupSource
from tenants.models.host import EndpointHost, HostHolder
from tenants.models.membership import Invitation, Membership, Role
from tenants.models.provisioning import ScimConnection, ScimRequest, ScimToken, ScimUser
from tenants.models.revocation import Revocation, RevocationDue, RevocationOutcome
from tenants.models.session import KnownDevice, MemberSession
from tenants.models.sso import (
    SsoConnection,
    SsoDomain,
    SsoDomainHolder,
    SsoIdentity,
    SsoKind,
    SsoSession,
    SsoSetupLink,
)
from tenants.models.tenant import Tenant, TenantPurgeDue, TenantSlug
from tenants.models.trusted_issuer import IssuerWatch, TokenRefusal, TrustedIssuer, TrustedPeople
from tenants.models.user import User
from tenants.models.vault import Secret, TenantKey

__all__ = [
    "ApiKey",
    "AuditDue",
    "AuditEvent",
    "AuditHead",
    "AuditTarget",
    "AuthMethod",
    "AuthorizationCode",
    "AuthorizationPolicy",
    "Cause",
    "ClientGrant",
    "ClientKind",
    "Connection",
    "ConnectionState",
    "Cutoff",
    "Deprovision",
    "DeprovisionDue",
    "DeprovisionItem",
    "DeviceCode",
    "EndpointHost",
    "GrantOrigin",
    "GrantType",
    "Group",
    "GroupClient",
    "GroupMember",
    "GroupSource",
    "HostHolder",
    "Invitation",
    "IssuerWatch",
    "KnownDevice",
    "Login",
    "McpClient",
    "MemberSession",
    "Membership",
    "OAuthClient",
    "PublishedGate",
    "RefreshToken",
    "Revocation",
    "RevocationDue",
    "RevocationOutcome",
    "Role",
    "ScimConnection",
    "ScimRequest",
    "ScimToken",
    "ScimUser",
    "Secret",
    "SeenAssertion",
    "SigningKey",
    "SsoConnection",
    "SsoDomain",
    "SsoDomainHolder",
    "SsoIdentity",
    "SsoKind",
    "SsoSession",
    "SsoSetupLink",
    "Tenant",
    "TenantKey",
    "TenantPurgeDue",
    "TenantSlug",
    "TokenRefusal",
    "TrustedIssuer",
    "TrustedPeople",
    "User",
]
