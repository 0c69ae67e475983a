"""What sealed values are for, and the row that each is bound to. Without Django: console and workers share it."""

from uuid import UUID

SECRET = "static secret"  # noqa: S105  a name of a purpose, not a secret
TOKENS = "token set"
CLIENT = "oauth client"
LOGIN = "login"
REVOCATION = "revocation"
SIGNING = "signing key"
SSO_CONNECTION = "sso connection"
SSO_SESSION = "sso session"


def secret_row(holder: UUID | str, name: str, destination: str) -> tuple[str, ...]:
    """What a static secret is bound to beside its tenant."""
    return (str(holder), name, destination)


def tokens_row(connection_id: UUID | str, destination: str, issuer: str) -> tuple[str, ...]:
    """What a connection's tokens are bound to: where they may be sent, and who may be asked for new ones."""
    return (str(connection_id), destination, issuer)


def client_row(issuer: str) -> tuple[str, ...]:
    """What a registration is bound to: its secret is shown to its issuer alone."""
    return (issuer,)


def own_row(row_id: UUID | str) -> tuple[str, ...]:
    """What is bound to its row and nothing else."""
    return (str(row_id),)
