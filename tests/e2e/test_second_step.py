"""A tenant that asks for a second step, and a member who makes one of a passkey, as Chromium's own does."""

import re

import pytest

from core.tenancy import tenant_context
from tenants.models import Membership, Role, User
from tests.conftest import Cast
from tests.console.visitor import PASSWORD
from tests.e2e.conftest import Look
from tests.e2e.test_accounts import with_passkeys
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.e2e


def _asked_for_by_the_owner(look: Look, cast: Cast) -> None:
    sign_in(look, cast)
    look.open(f"/t/{cast.tenant.slug}/sso/")
    look.page.get_by_label("Members sign in with a second step").check()
    look.page.get_by_role("button", name="Save").click()
    look.page.wait_for_url("**/account/2fa/")
    look.page.context.clear_cookies()


def _passkey_added(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add passkey").click()
    page.wait_for_url(re.compile("/account/2fa/(?!webauthn/add/)"))


def _in_by_passkey(look: Look, tenant: str, picture: str) -> None:
    look.page.get_by_role("button", name="Use a passkey").wait_for()
    look.keep(picture)
    look.page.get_by_role("button", name="Use a passkey").click()
    look.page.wait_for_url(f"{look.url}{tenant}")


def test_a_member_without_a_second_step_adds_a_passkey_and_gets_in_by_it(look: Look, cast: Cast) -> None:
    _asked_for_by_the_owner(look, cast)
    with_passkeys(look)
    email = look.sign_up("Mia")
    with tenant_context(cast.tenant.id):
        Membership.objects.create(tenant=cast.tenant, user=User.objects.get(email=email), role=Role.VIEWER)
    tenant, page = f"/t/{cast.tenant.slug}/", look.page
    look.open(tenant)
    page.wait_for_url("**/account/2fa/")
    page.get_by_text(f"{cast.tenant.name} asks its members for a second step").wait_for()
    look.keep("second-step-asked")
    _passkey_added(look)
    look.open(tenant)
    _in_by_passkey(look, tenant, "second-step-reauthenticate")
    page.context.clear_cookies()
    look.open(f"/account/login/?next={tenant}")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/2fa/authenticate/**")
    _in_by_passkey(look, tenant, "second-step-login")
