"""What sealed values are for, and the row that each is bound to. Without Django: console and workers share it."""

from uuid import UUID

SECRET = "static secret"  # noqa: S105  a name of a purpose, not a secret


def secret_row(holder: UUID | str, name: str, destination: str) -> tuple[str, ...]:
    """What a static secret is bound to beside its tenant."""
    return (str(holder), name, destination)
