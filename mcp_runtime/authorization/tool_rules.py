"""Which tools the members of groups may use: the one place where that is decided, for workers and for explanations."""

from collections.abc import Iterable, Mapping

# In a roster: who is told by their role that no rule limits them.
EVERY_TOOL = "*"
# At the end of a pattern: whatever begins so.
ANY = "*"

# The groups of each member (`member:<user id>`) that some rule of an endpoint names, or EVERY_TOOL.
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
