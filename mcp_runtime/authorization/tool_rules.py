"""Which tools groups may use: the one place where that is decided, for workers and for explanations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

# In a roster: who is told by their role that no rule limits them.
EVERY_TOOL = "*"
# At the end of a pattern: whatever begins so.
ANY = "*"

# Places in the groups that an endpoint's rules name.
MAXIMUM_ROSTER = 50_000
# Those whom no rule limits come first, since what is beyond the limit is left out and may use nothing.
ROSTER = """
    SELECT 'member:' || m.user_id, '*' FROM tenants_membership m
    WHERE m.tenant_id = %(tenant)s AND m.role IN ('owner', 'admin') AND m.deactivated_at IS NULL
      AND EXISTS (SELECT FROM mcp_runtime_toolrule r WHERE r.tenant_id = %(tenant)s AND r.endpoint_id = %(endpoint)s)
    UNION ALL
    SELECT 'client:' || c.client_id, g.group_id::text FROM mcp_runtime_toolrule r
    JOIN tenants_groupclient g ON g.tenant_id = r.tenant_id AND g.group_id = r.group_id
    JOIN tenants_mcpclient c ON c.tenant_id = g.tenant_id AND c.id = g.client_id
    WHERE r.tenant_id = %(tenant)s AND r.endpoint_id = %(endpoint)s
    UNION ALL
    SELECT 'member:' || m.user_id, g.group_id::text FROM mcp_runtime_toolrule r
    JOIN tenants_groupmember g ON g.tenant_id = r.tenant_id AND g.group_id = r.group_id
    JOIN tenants_membership m ON m.tenant_id = g.tenant_id AND m.id = g.membership_id AND m.deactivated_at IS NULL
    WHERE r.tenant_id = %(tenant)s AND r.endpoint_id = %(endpoint)s
    LIMIT %(limit)s
"""

# The groups that some rule of an endpoint names, of each member (`member:<user id>`) and each client that acts for
# itself (`client:<client_id>`); or EVERY_TOOL.
type Roster = Mapping[str, frozenset[str]]
# The patterns of each group that a rule names.
type Rules = Mapping[str, Iterable[str]]


def tools_of(groups: frozenset[str], rules: Rules, names: Iterable[str]) -> frozenset[str] | None:
    """Those of `names` that somebody in `groups` may use, the union of what each group may; None: all, whatever comes.

    A group that no rule names gives nothing, nor does a rule whose group is gone.
    """
    if EVERY_TOOL in groups:
        return None
    patterns = [pattern for group in groups for pattern in rules.get(group, ())]
    exact = frozenset(pattern for pattern in patterns if not pattern.endswith(ANY))
    beginnings = tuple(pattern.removesuffix(ANY) for pattern in patterns if pattern.endswith(ANY))
    return frozenset(name for name in names if name in exact or name.startswith(beginnings))


def member_tools(
    member: str,
    rules: Rules | None,
    roster: Roster,
    *,
    names: Iterable[str],
    is_open: bool,
    groups: frozenset[str] = frozenset(),
) -> frozenset[str] | None:
    """Those of `names` that somebody may see and call; None: all.

    Rules bind members, clients that act for themselves and people from outside. Who is not in the roster is in
    `groups` alone.
    """
    if rules is None or is_open:
        return None
    return tools_of(roster.get(member, frozenset()) | groups, rules, names)


def wanted_roster(tenant_id: str, endpoint_id: str) -> dict[str, Any]:
    """The parameters of ROSTER."""
    return {"tenant": tenant_id, "endpoint": endpoint_id, "limit": MAXIMUM_ROSTER}


def roster_of(rows: Iterable[tuple[Any, ...]]) -> Roster:
    """Who is in the groups that an endpoint's rules name, of the rows of ROSTER: none where there are no rules."""
    places: defaultdict[str, set[str]] = defaultdict(set)
    for member, group in rows:
        places[member].add(group)
    return {member: frozenset(groups) for member, groups in places.items()}
