"""A person's way to a provider and back (authorization code with PKCE, RFC 6749 section 4.1).

An answer counts once, for ten minutes, in the browser and for the person that it was asked for. Otherwise somebody
could have another log into an account of theirs, or finish what another began.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from core import crypto, keys, refusals
from core.crypto import Forged
from core.envelope import KeyGone
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import PERMISSIONS, Actor, Permission
from tenants.models import Connection, ConnectionState, GrantType, Login, Membership, User
from tenants.vault.clients import callback_url, provider_of, registration_of
from tenants.vault.connections import connection_for, may_log_in, require_managing
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.oauth.authorization import authorization_url, code_of, new_pkce, new_state
from tenants.vault.oauth.failures import AnswerRefused, OAuthFailed
from tenants.vault.oauth.running import with_provider
from tenants.vault.oauth.scopes import united, without
from tenants.vault.oauth.tokens import TokenSet, by_code
from tenants.vault.purposes import LOGIN, own_row
from tenants.vault.token_sets import tokens_stored

LIFETIME = timedelta(minutes=10)
MAXIMUM_UNDER_WAY = 20  # of one person in one tenant
OFFLINE = "offline_access"
_TENANT_CHARACTERS = 22  # a UUID in base64url


def login_start(*, actor: Actor, connection_id: UUID, browser: str) -> str:
    """The URL at which the person logs in. `browser` is a secret of their browser session's.

    Runs inside the tenant's context. Raises Refused: NOT_FOUND, PERMISSION_DENIED, CONFLICT for a grant without login.
    """
    keyring = keyring_for_sealing(actor.tenant.id)
    connection = connection_for(actor=actor, connection_id=connection_id)
    if actor.user is None or connection.grant_type != GrantType.CODE:
        raise Refused(refusals.CONFLICT, "Nobody logs in here: its tokens are got without a person.")
    if not may_log_in(actor, connection):
        raise Refused(refusals.PERMISSION_DENIED, "This is another member's own: they log in themselves.")
    provider, pkce = provider_of(connection.client), new_pkce()
    state = crypto.encode(actor.tenant.id.bytes) + new_state()
    login = Login(
        tenant=actor.tenant,
        connection=connection,
        user=actor.user,
        state_digest=keys.digest(state),
        browser_digest=keys.digest(browser),
        redirect_uri=callback_url(),
        scopes=united(connection.scopes, connection.further_scopes),
        expires_at=timezone.now() + LIFETIME,
    )
    login.sealed = keyring.seal(LOGIN, pkce.verifier.encode(), *own_row(login.pk))
    _make_room(actor.user)
    login.save(force_insert=True)
    return authorization_url(
        provider,
        client_id=connection.client.client_id,
        redirect_uri=login.redirect_uri,
        scopes=_with_offline(login.scopes, provider.scopes),
        resource=connection.resource,
        state=state,
        challenge=pkce.challenge,
    )


def login_finish(*, user: User, browser: str, answer: Mapping[str, str]) -> Connection:
    """Takes the provider's answer, exchanges its code, and stores the tokens. Opens contexts of its own.

    Raises Refused: LOGIN_REFUSED for an answer that nobody here asked for, that was used, is late, forged or another
    provider's; PROVIDER_REFUSED; PERMISSION_DENIED for who may not any more.
    """
    state = answer.get("state", "")
    tenant_id = _tenant_in(state)
    with tenant_context(tenant_id):
        login, actor = _taken(user, browser, state)
        connection = login.connection
        try:
            keyring = keyring_for_opening(tenant_id)
            verifier = keyring.unseal(LOGIN, login.sealed, *own_row(login.pk)).decode()
            provider, registration = provider_of(connection.client), registration_of(keyring, connection.client)
        except (Forged, KeyGone):
            raise Refused(refusals.LOGIN_REFUSED) from None
    try:
        code = code_of(answer, provider)
        got = with_provider(
            lambda http: by_code(
                http,
                provider,
                registration,
                code=code,
                redirect_uri=login.redirect_uri,
                verifier=verifier,
                resource=connection.resource,
            )
        )
    except AnswerRefused as refused:
        raise Refused(refusals.LOGIN_REFUSED, str(refused)) from None
    except OAuthFailed as failed:
        _note(tenant_id, connection.pk, str(failed))
        raise Refused(refusals.PROVIDER_REFUSED, str(failed)) from None
    return _connected(actor, login, got)


def logins_forget_late() -> int:
    """Deletes what came to nothing of the tenant in context; how many they were."""
    deleted, _ = Login.objects.filter(expires_at__lte=timezone.now()).delete()
    return deleted


def _taken(user: User, browser: str, state: str) -> tuple[Login, Actor]:
    """The login that the state belongs to, used up by this, and the person as the actor they are now."""
    rows = Login.objects.select_for_update(of=("self",)).select_related("connection__client", "connection__subject")
    login = rows.filter(state_digest=keys.digest(state)).first()
    ours = login is not None and login.user_id == user.pk and login.browser_digest == keys.digest(browser)
    if login is None or not ours or login.expires_at <= timezone.now():
        raise Refused(refusals.LOGIN_REFUSED)
    Login.objects.filter(pk=login.pk).delete()
    membership = Membership.objects.active().select_related("tenant").filter(user=user).first()
    if membership is None or Permission.CALL_TOOLS not in PERMISSIONS[membership.role]:
        raise Refused(refusals.PERMISSION_DENIED)
    actor = Actor(tenant=membership.tenant, role=membership.role, user=user)
    require_managing(actor, login.connection.user_id)
    return login, actor


def _connected(actor: Actor, login: Login, got: TokenSet) -> Connection:
    with tenant_context(actor.tenant.id):
        keyring = keyring_for_sealing(actor.tenant.id)
        connection = connection_for(actor=actor, connection_id=login.connection_id)
        tokens_stored(keyring, connection, got, actor.user)
        # What was asked for meanwhile is asked for the next time.
        Connection.objects.filter(pk=connection.pk).update(
            scopes=united(login.scopes, connection.scopes),
            further_scopes=without(connection.further_scopes, login.scopes),
        )
        return connection_for(actor=actor, connection_id=connection.pk)


def _note(tenant_id: UUID, connection_id: UUID, sentence: str) -> None:
    with tenant_context(tenant_id):
        unconnected = Connection.objects.filter(pk=connection_id).exclude(state=ConnectionState.CONNECTED)
        unconnected.update(last_error=sentence[:500])


def _make_room(user: User) -> None:
    logins_forget_late()
    stale = Login.objects.filter(user=user).order_by("-expires_at").values_list("pk", flat=True)
    Login.objects.filter(pk__in=list(stale[MAXIMUM_UNDER_WAY - 1 :])).delete()


def _tenant_in(state: str) -> UUID:
    try:
        return UUID(bytes=crypto.decode(state[:_TENANT_CHARACTERS]))
    except (Forged, ValueError):
        raise Refused(refusals.LOGIN_REFUSED) from None


def _with_offline(scopes: str, offered: tuple[str, ...]) -> str:
    """With `offline_access` where the provider knows it, or it would give no refresh token."""
    wanted = scopes.split()
    return " ".join([*wanted, OFFLINE] if OFFLINE in offered and OFFLINE not in wanted else wanted)
