"""The few questions that a worker asks the database, each in a transaction of the tenant it is about."""

import uuid
from dataclasses import dataclass, field

from core.channels import ENDPOINTS_CHANNEL
from mcp_runtime.authorization.people import PEOPLE, People, people_of, wanted_people
from mcp_runtime.authorization.tool_rules import ROSTER, Roster, roster_of, wanted_roster
from mcp_runtime.lines import ENTER, Connection, Line
from mcp_runtime.snapshots.structs import EndpointChanged, encode

# Behind an endpoint's slug: what will be served once the version that is held is let go.
PREVIEW = "/preview"

# Version, the endpoint's id (a new endpoint may have the slug of a deleted one), and the version of the tenant's gate.
type Known = tuple[int, str, int]

_UNKNOWN: Known = (0, "", 0)
_TENANT_OF_SLUG = "SELECT tenant_id::text FROM tenants_tenantslug WHERE slug = %s"
# The document is large and mostly unchanged: it travels only when the version is another than the known one.
_PUBLISHED = """
    SELECT p.endpoint_id::text, p.version,
           CASE WHEN p.version = %s AND p.endpoint_id::text = %s THEN NULL WHEN %s THEN p.preview ELSE p.document END,
           CASE WHEN g.version = %s THEN NULL ELSE g.document END
    FROM mcp_runtime_publishedendpoint p
    LEFT JOIN tenants_publishedgate g ON g.tenant_id = p.tenant_id
    JOIN tenants_tenant t ON t.id = p.tenant_id AND t.delete_after IS NULL
    WHERE p.tenant_id = %s AND p.slug = %s AND (p.preview IS NOT NULL OR NOT %s)
"""
_ENDED = """
    SELECT session_digest, extract(epoch FROM expires_at)::float FROM mcp_runtime_endedsession
    WHERE tenant_id = %s AND endpoint_id = %s AND expires_at > now()
"""
_END = """
    INSERT INTO mcp_runtime_endedsession (id, tenant_id, endpoint_id, session_digest, expires_at)
    VALUES (%s, %s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING
"""


_LISTED = """
    SELECT e.slug, e.name FROM mcp_runtime_endpoint e
    JOIN tenants_tenant t ON t.id = e.tenant_id AND t.delete_after IS NULL
    WHERE e.tenant_id = %s AND e.listed ORDER BY e.slug LIMIT %s
"""
_TENANT_OF_HOST = "SELECT tenant_id::text, endpoint_id::text FROM tenants_hostholder WHERE name = %s"
# The one at a host that is named for it; else the tenant's default, or its only one.
_SLUGS_AT = """
    SELECT slug, is_default FROM mcp_runtime_endpoint
    WHERE tenant_id = %s AND (%s::uuid IS NULL OR id = %s::uuid) ORDER BY is_default DESC, slug LIMIT 2
"""
_SERVER = """
    SELECT coalesce(p.dynamic_registration, true) FROM tenants_tenant t
    LEFT JOIN tenants_authorizationpolicy p ON p.tenant_id = t.id WHERE t.id = %s AND t.delete_after IS NULL
"""
# What a catalogue holds at most; the format has no pages.
MAXIMUM_LISTED = 1_000


class HostUnknown(Exception):
    """A host is no tenant's."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is wanted at a tenant's host: of the tenant whose slug it is named for, if there is one; which endpoint."""

    host: str
    tenant: str
    endpoint: str
    is_preview: bool


@dataclass(frozen=True, slots=True)
class Published:
    """An endpoint as it is published. `document` and `gate` are None where they are those that were known already."""

    tenant_id: str
    slug: str  # with what is behind it, if it is the preview
    endpoint_id: str
    version: int
    document: bytes | None
    ended: dict[str, float]
    gate: bytes | None
    roster: Roster = field(default_factory=dict)
    people: People = field(default_factory=dict)


class Database:
    """Two connections: what a client waits for is not behind what is merely to be refreshed."""

    def __init__(self, url: str) -> None:
        self._for_clients = Line(url)
        self._for_refreshing = Line(url)

    async def close(self) -> None:
        """Closes every connection."""
        await self._for_clients.close()
        await self._for_refreshing.close()

    async def find(self, tenant_slug: str, endpoint_slug: str) -> Published | None:
        """What is published under two slugs, of which the tenant's may be a former one; raises DatabaseAway."""
        async with self._for_clients.transaction() as connection:
            row = await (await connection.execute(_TENANT_OF_SLUG, (tenant_slug,))).fetchone()
            if row is None:
                return None
            return await _published(connection, row[0], endpoint_slug, _UNKNOWN)

    async def find_at(self, place: Place) -> Published | None:
        """What is published at a tenant's host; raises HostUnknown for a host that is nobody's, and DatabaseAway."""
        async with self._for_clients.transaction() as connection:
            if place.tenant:
                row = await (await connection.execute(_TENANT_OF_SLUG, (place.tenant,))).fetchone()
                found = row and (row[0], None)
            else:
                found = await (await connection.execute(_TENANT_OF_HOST, (place.host,))).fetchone()
            if found is None:
                raise HostUnknown
            slug = place.endpoint or await _slug_at(connection, *found)
            preview = PREVIEW if place.is_preview else ""
            return await _published(connection, found[0], f"{slug}{preview}", _UNKNOWN) if slug else None

    async def server_at(self, host: str, slug: str) -> tuple[str, bool] | None:
        """The tenant at a host, by the slug that it is named for if it is; and whether clients may register there.

        None for a host that is nobody's. Raises DatabaseAway.
        """
        async with self._for_clients.transaction() as connection:
            sought = (_TENANT_OF_SLUG, (slug,)) if slug else (_TENANT_OF_HOST, (host,))
            row = await (await connection.execute(*sought)).fetchone()
            if row is None:
                return None
            await connection.execute(ENTER, (row[0],))
            found = await (await connection.execute(_SERVER, (row[0],))).fetchone()
            return (row[0], found[0]) if found else None

    async def reload(self, tenant_id: str, endpoint_slug: str, known: Known) -> Published | None:
        """The same for an endpoint that is held in version and id `known`; raises DatabaseAway."""
        async with self._for_refreshing.transaction() as connection:
            return await _published(connection, tenant_id, endpoint_slug, known)

    async def listed(self, tenant_slug: str) -> list[tuple[str, str]]:
        """Slug and name of each endpoint that the tenant lists, none for no tenant; raises DatabaseAway."""
        async with self._for_clients.transaction() as connection:
            row = await (await connection.execute(_TENANT_OF_SLUG, (tenant_slug,))).fetchone()
            if row is None:
                return []
            await connection.execute(ENTER, (row[0],))
            rows = await (await connection.execute(_LISTED, (row[0], MAXIMUM_LISTED))).fetchall()
            return [(slug, name) for slug, name in rows]

    async def end_session(
        self, tenant_id: str, endpoint_id: str, endpoint_slug: str, session_digest: str, expires_at: float
    ) -> None:
        """Remembers that a session ended, and tells every worker; raises DatabaseAway."""
        change = EndpointChanged(tenant_id=tenant_id, endpoint=endpoint_slug, ended_session=session_digest)
        async with self._for_clients.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            row = (uuid.uuid4(), tenant_id, endpoint_id, session_digest, expires_at)
            await connection.execute(_END, row)
            await connection.execute("SELECT pg_notify(%s, %s)", (ENDPOINTS_CHANNEL, encode(change).decode()))


async def _slug_at(connection: Connection, tenant_id: str, endpoint_id: str | None) -> str | None:
    await connection.execute(ENTER, (tenant_id,))
    rows = await (await connection.execute(_SLUGS_AT, (tenant_id, endpoint_id, endpoint_id))).fetchall()
    return rows[0][0] if rows and (rows[0][1] or len(rows) == 1) else None


async def _published(connection: Connection, tenant_id: str, endpoint_slug: str, known: Known) -> Published | None:
    await connection.execute(ENTER, (tenant_id,))
    slug, is_preview = endpoint_slug.removesuffix(PREVIEW), endpoint_slug.endswith(PREVIEW)
    version, endpoint_id, gate_version = known
    parameters = (version, endpoint_id, is_preview, gate_version, tenant_id, slug, is_preview)
    row = await (await connection.execute(_PUBLISHED, parameters)).fetchone()
    if row is None:
        return None
    endpoint_id, version, document, gate = row
    ended = await (await connection.execute(_ENDED, (tenant_id, endpoint_id))).fetchall()
    roster = await _roster(connection, tenant_id, endpoint_id)
    people = people_of(await (await connection.execute(PEOPLE, wanted_people(tenant_id))).fetchall())
    return Published(tenant_id, endpoint_slug, endpoint_id, version, document, dict(ended), gate, roster, people)


async def _roster(connection: Connection, tenant_id: str, endpoint_id: str) -> Roster:
    wanted = wanted_roster(tenant_id, endpoint_id)
    return roster_of(await (await connection.execute(ROSTER, wanted)).fetchall())
