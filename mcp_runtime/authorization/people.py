"""Members by the names that trusted issuers know them by: what a worker asks of the database once for an endpoint."""

from collections.abc import Iterable, Mapping
from typing import Any

from tenants.authorization.gate import CALL_SCOPE, READ_SCOPE

MAXIMUM_PEOPLE = 50_000
_READERS = frozenset({"viewer"})

# A provider speaks for accounts at domains that its tenant has verified, and an issuer does so too.
PEOPLE = """
    SELECT 'sso:' || i.connection_id || ':' || i.subject, m.user_id::text, m.role FROM tenants_ssoidentity i
    JOIN tenants_membership m ON m.tenant_id = i.tenant_id AND m.user_id = i.user_id AND m.deactivated_at IS NULL
    JOIN tenants_user u ON u.id = m.user_id AND u.is_active
    WHERE i.tenant_id = %(tenant)s AND i.connection_id IN (
        SELECT connection_id FROM tenants_trustedissuer WHERE tenant_id = %(tenant)s AND people = 'sso')
    UNION ALL
    SELECT 'email:' || lower(u.email), m.user_id::text, m.role FROM tenants_membership m
    JOIN tenants_user u ON u.id = m.user_id AND u.is_active
    JOIN tenants_ssodomainholder d ON d.tenant_id = m.tenant_id AND d.name = lower(split_part(u.email, '@', 2))
    WHERE m.tenant_id = %(tenant)s AND m.deactivated_at IS NULL
      AND EXISTS (SELECT FROM tenants_trustedissuer WHERE tenant_id = %(tenant)s AND people = 'email')
    LIMIT %(limit)s
"""

# A member's id and the scopes that their role can give at most.
type Person = tuple[str, frozenset[str]]
type People = Mapping[str, Person]


def wanted_people(tenant_id: str) -> dict[str, Any]:
    """The parameters of PEOPLE."""
    return {"tenant": tenant_id, "limit": MAXIMUM_PEOPLE}


def people_of(rows: Iterable[tuple[Any, ...]]) -> People:
    """The members, of the rows of PEOPLE."""
    return {name: (user_id, _most(role)) for name, user_id, role in rows}


def _most(role: str) -> frozenset[str]:
    return frozenset({READ_SCOPE if role in _READERS else CALL_SCOPE})
