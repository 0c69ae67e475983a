"""Reads of what the vault holds: names, states and times, never a value. Each runs inside a tenant context."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenants.models import Secret


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """That a secret is there: its name, where it may be sent, and when it was first and last stored."""

    name: str
    destination: str
    created_at: datetime
    updated_at: datetime


def secrets_of(holder: UUID) -> list[SecretInfo]:
    """The holder's secrets by name, also those that were given for another destination than it has now."""
    rows = Secret.objects.filter(holder=holder).order_by("name")
    return [SecretInfo(*row) for row in rows.values_list("name", "destination", "created_at", "updated_at")]
