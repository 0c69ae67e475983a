"""The second step: authenticator apps, recovery codes, and what asks for a passkey."""

import json
import re
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from core.tenancy import tenant_context
from tenants.models import AuditEvent, Membership, Role
from tests.conftest import Cast
from tests.console.visitor import Visitor, confirmed, mails_to, signed_up


def _code(secret: str, *, steps_ahead: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps_ahead))


def _enrolled(visitor: Visitor) -> str:
    page = visitor.get("/account/2fa/totp/activate/")
    secret = re.search(r"<code data-copy-text>([A-Z2-7]+)</code>", page.content.decode())
    assert secret
    visitor.post("/account/2fa/totp/activate/", {"code": _code(secret.group(1))}, on=page)
    return secret.group(1)


def test_an_authenticator_app_is_set_up_and_then_asked_for() -> None:
    alice, email = confirmed()
    secret = _enrolled(alice)
    assert "Authenticator app switched on" in [message.subject for message in mails_to(email)]
    assert "10 of 10 left" in alice.get("/account/2fa/").content.decode()
    visitor = Visitor()
    assert "Second step" in visitor.sign_in(email).content.decode()
    assert visitor.whoami() is None
    assert "This code is wrong" in visitor.post("/account/2fa/authenticate/", {"code": "000000"}).content.decode()
    visitor.post("/account/2fa/authenticate/", {"code": _code(secret, steps_ahead=1)})
    assert visitor.whoami()


def test_each_change_of_it_is_in_the_logs_of_ones_tenants(cast: Cast) -> None:
    alice, email = confirmed()
    user = alice.whoami()
    assert user is not None
    with tenant_context(cast.tenant.id):
        Membership.objects.create(tenant=cast.tenant, user=user, role=Role.VIEWER)
    secret = _enrolled(alice)
    alice.post("/account/2fa/totp/deactivate/", {})
    with tenant_context(cast.tenant.id):
        events = list(AuditEvent.objects.filter(target_kind="authenticator").order_by("sequence"))
    assert ["authenticator.added", [["type", None, "totp"]], email] in [
        [event.action, event.changes, event.actor_name] for event in events
    ]
    assert events[-1].action == "authenticator.removed"
    assert secret not in str([event.changes for event in events])


def test_an_authenticators_secret_is_sealed_in_the_database() -> None:
    alice, email = confirmed()
    secret = _enrolled(alice)
    stored = Authenticator.objects.filter(user__email=email)
    assert secret not in json.dumps([authenticator.data for authenticator in stored])


def test_a_recovery_code_signs_in_once() -> None:
    alice, email = confirmed()
    _enrolled(alice)
    page = alice.get("/account/2fa/recovery-codes/").content.decode()
    codes = re.search(r"<code data-copy-text>([0-9\s]+)</code>", page)
    assert codes
    code = codes.group(1).split()[0]
    visitor, again = Visitor(), Visitor()
    visitor.sign_in(email)
    visitor.post("/account/2fa/authenticate/", {"code": code})
    assert visitor.whoami()
    again.sign_in(email)
    again.post("/account/2fa/authenticate/", {"code": code})
    assert again.whoami() is None


def test_new_recovery_codes_replace_the_old_and_can_be_downloaded() -> None:
    alice, _ = confirmed()
    _enrolled(alice)
    before = alice.client.get("/account/2fa/recovery-codes/download/").content
    alice.post("/account/2fa/recovery-codes/generate/", {})
    after = alice.client.get("/account/2fa/recovery-codes/download/").content
    assert len(after.split()) == 10
    assert not set(after.split()) & set(before.split())


def test_switching_the_authenticator_app_off_asks_for_the_password_alone() -> None:
    alice, email = confirmed()
    _enrolled(alice)
    alice.post("/account/2fa/totp/deactivate/", {})
    visitor = Visitor()
    visitor.sign_in(email)
    assert visitor.whoami()


def test_somebody_confirms_it_is_them_before_they_change_how_they_sign_in() -> None:
    alice, _ = signed_up()
    page = alice.get("/account/2fa/totp/activate/").content.decode()
    assert "Confirm that it is you" in page
    page = alice.post("/account/reauthenticate/", {"password": "wrong password"}).content.decode()
    assert "This password is wrong." in page


def test_the_passkey_pages_and_the_list_of_none_show() -> None:
    alice, _ = confirmed()
    assert "No passkeys yet" in alice.get("/account/2fa/webauthn/").content.decode()
    page = alice.get("/account/2fa/webauthn/add/").content.decode()
    assert '"name": "Joe Armstrong AGI MCP"' in page
