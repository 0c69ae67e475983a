"""What a person leaves behind in a tenant, and who ends it: a register that each app adds its kinds to when it starts.

This app is below those that keep most of it, so that it cannot name them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from tenants.models import User


@dataclass(frozen=True, slots=True)
class Leaver:
    """Who leaves which tenant, and who had them leave: nobody in particular when it was another system."""

    tenant_id: UUID
    user_id: UUID
    by: User | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """One thing that was ended. `reference` is its id, `note` what its reader should know beside its name."""

    kind: str
    label: str
    reference: UUID | None = None
    note: str = ""


# Ends what it knows of, in the tenant's context and its caller's transaction. Called again, it ends what came since.
type Ender = Callable[[Leaver], list[Ended]]

_enders: list[Ender] = []


def ender_register(ender: Ender) -> None:
    """Adds a kind of what people leave behind; called by an app's configuration when Django is ready."""
    if ender not in _enders:
        _enders.append(ender)


def all_ended(leaver: Leaver) -> list[Ended]:
    """Ends everything that a leaver left, in the order in which it was registered; what there was."""
    return [ended for ender in _enders for ended in ender(leaver)]
