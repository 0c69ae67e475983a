"""A provider and a protected server, the door open to both, and connections to make."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.models import Connection, User
from tenants.vault.clients import registration_of
from tenants.vault.connections import ConnectionDraft, connection_create
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.logins import login_finish, login_start
from tenants.vault.oauth.registration import Registration
from tenants.vault.oauth.tokens import TokenSet
from tenants.vault.token_sets import tokens_of, tokens_stored
from tests.conftest import Cast
from tests.oidc_provider.process import Upstream, upstream_running

BROWSER = "the secret of a browser session"


def answer_in(url: str) -> dict[str, str]:
    """The parameters of a provider's redirect back to us."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    with upstream_running() as running:
        yield running


@pytest.fixture
def upstream(_upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """A provider that anyone may register at, and an MCP server that takes its tokens."""
    monkeypatch.setenv("OUTBOUND_ALLOW", _upstream.allowed)
    yield _upstream
    _upstream.ask(delay=0, away=False)


@dataclass(frozen=True)
class Connecting:
    """What Alice and others do with the provider."""

    cast: Cast
    upstream: Upstream

    def acting(self, user: User | None = None) -> Actor:
        """Alice, or another, in her tenant."""
        return self.cast.acting(user or self.cast.alice)

    def prepared(self, actor: Actor | None = None, **fields: object) -> Connection:
        """A connection that nobody has logged into yet."""
        known = {"holder": uuid.uuid4(), "url": self.upstream.mcp, "destination": self.upstream.origin}
        draft = ConnectionDraft(**(known | fields))  # type: ignore[arg-type]  # a test names its fields
        return connection_create(actor=actor or self.acting(), draft=draft)

    def start(self, connection: Connection, actor: Actor | None = None, browser: str = BROWSER) -> str:
        """The URL at which the person logs in."""
        acting = actor or self.acting()
        with tenant_context(acting.tenant.id):
            return login_start(actor=acting, connection_id=connection.pk, browser=browser)

    def connected(self, user: User | None = None, **fields: object) -> Connection:
        """A connection after its login."""
        acting = self.acting(user)
        return self.log_in(self.prepared(acting, **fields), acting)

    def log_in(self, connection: Connection, actor: Actor | None = None) -> Connection:
        """The connection after a login at the provider."""
        acting = actor or self.acting()
        return self.finish(self.start(connection, acting), acting)

    def finish(self, url: str, actor: Actor | None = None) -> Connection:
        """The connection after the login that began with this URL."""
        acting = actor or self.acting()
        back = self.upstream.log_in(url, str(acting.user))
        assert acting.user is not None
        return login_finish(user=acting.user, browser=BROWSER, answer=answer_in(back))

    def again(self, connection: Connection) -> Connection:
        """The row as it is now."""
        with tenant_context(connection.tenant_id):
            return Connection.objects.select_related("client").get(pk=connection.pk)

    def tokens(self, connection: Connection) -> TokenSet:
        """What is stored, in clear."""
        row = self.again(connection)
        with tenant_context(connection.tenant_id):
            return tokens_of(keyring_for_opening(connection.tenant_id), row)

    def client(self, connection: Connection) -> Registration:
        """What the provider knows the tenant as, in clear."""
        row = self.again(connection)
        with tenant_context(connection.tenant_id):
            return registration_of(keyring_for_opening(connection.tenant_id), row.client)

    def aged(self, connection: Connection, seconds: float, **changes: object) -> TokenSet:
        """What is stored, as if it had been issued so long ago; `changes` are of the token set."""
        row, got = self.again(connection), self.tokens(connection)
        times = {"issued_at": got.issued_at - seconds, "expires_at": (got.expires_at or 0) - seconds}
        older = msgspec.structs.replace(got, **(times | changes))
        with tenant_context(connection.tenant_id):
            tokens_stored(keyring_for_sealing(connection.tenant_id), row, older, row.connected_by)
        return older


@pytest.fixture
def connecting(cast: Cast, upstream: Upstream) -> Connecting:
    """Alice, Bob and Charlie at the provider."""
    return Connecting(cast, upstream)
