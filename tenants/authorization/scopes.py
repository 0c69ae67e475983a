"""What a client may be allowed: the scopes, what each implies, and what a role can give away."""

from tenants.access import PERMISSIONS, Permission
from tenants.authorization import gate

READ, CALL = gate.READ_SCOPE, gate.CALL_SCOPE
DEFAULT = CALL
SUPPORTED = (READ, CALL)
_WORDS = {
    READ: "See what it offers: its tools, prompts and resources",
    CALL: "Call its tools and read its prompts and resources, as you",
}


def understood(asked: str) -> str:
    """The scopes of `asked` that there are, in order, each once; what is asked for by default where nothing was.

    Unknown ones are left out and not refused, as RFC 6749 section 3.3 allows: clients ask for what other servers know.
    """
    if not asked.strip():
        return DEFAULT
    return " ".join(dict.fromkeys(scope for scope in asked.split() if scope in SUPPORTED))


def implies(granted: str, wanted: str) -> bool:
    """Whether somebody who was granted the scopes `granted` may do what `wanted`, one scope, names."""
    return gate.grants(frozenset(granted.split()), wanted)


def within(asked: str, granted: str) -> str:
    """The scopes of `asked` that `granted` implies, and those of `granted` that one of `asked` implies."""
    kept = [scope for scope in asked.split() if implies(granted, scope)]
    kept += [scope for scope in granted.split() if implies(asked, scope)]
    return " ".join(dict.fromkeys(kept))


def covers(granted: str, asked: str) -> bool:
    """Whether each scope of `asked` is implied by `granted`."""
    return all(implies(granted, scope) for scope in asked.split())


def most_of_role(role: str) -> str:
    """The scopes that a member with `role` can give a client."""
    return CALL if Permission.CALL_TOOLS in PERMISSIONS[role] else READ


def in_words(scopes: str) -> list[str]:
    """What each scope lets a client do, for the person who is asked."""
    return [_WORDS[scope] for scope in scopes.split()]
