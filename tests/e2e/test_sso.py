"""Single sign-on in a browser, from the wizard to the last logout, at providers that others wrote."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Page

from core.tenancy import tenant_context
from tenants.models import Membership, Role, ScimUser, SsoConnection, SsoSession
from tests.conftest import Cast, unique
from tests.dns_server import Names, names
from tests.e2e.conftest import TIMEOUT_MS, Look
from tests.e2e.test_pages import sign_in, sign_in_as
from tests.oidc_provider.process import upstream_running
from tests.saml_idp.process import idp_running

__all__ = ["names"]

pytestmark = pytest.mark.e2e


@contextmanager
def _another_browser(look: Look) -> Iterator[Page]:
    browser = look.page.context.browser
    assert browser is not None
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    yield context.new_page()
    context.close()


def _domain_verified(look: Look, cast: Cast, names: Names) -> str:
    """A domain whose record somebody makes as the page says; the page finds it then, and not before."""
    sign_in(look, cast)
    page, domain = look.page, f"{unique('corp')}.example"
    look.open(f"/t/{cast.tenant.slug}/sso/")
    page.get_by_label("Domain", exact=True).fill(domain)
    page.get_by_role("button", name="Add domain").click()
    look_for = page.get_by_role("button", name=f"Look for it at {domain}")
    look_for.click()
    page.get_by_text("There is none").first.wait_for()
    look.keep("sso-domain-missing")
    name, text = page.locator("[data-copy-text]").all_inner_texts()
    names.texts[name] = [text]
    look_for.click()
    page.get_by_text(f"{domain} is verified").wait_for()
    return domain


def _begun(look: Look, cast: Cast, kind: str) -> dict[str, str]:
    """A new connection on its page; the values that the provider is to be told."""
    page = look.page
    look.open(f"/t/{cast.tenant.slug}/sso/")
    page.get_by_role("link", name="Connect a provider").click()
    page.get_by_label("Name").fill("Acme login")
    page.get_by_label(kind).check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="1. Tell the provider about us").wait_for()
    labels = page.locator(".code-label").all_inner_texts()
    return dict(zip(labels, page.locator("[data-copy-text]").all_inner_texts(), strict=True))


def _mapped(page: Page) -> None:
    """Makes developers of a group of the provider's."""
    page.get_by_label("Roles of groups").fill("ops = developer")
    page.get_by_role("button", name="Save roles").click()
    page.get_by_text("Saved.").wait_for()


def _tried_and_used(look: Look, email: str) -> None:
    page = look.page
    page.get_by_text("The login works").wait_for()
    page.get_by_text(f"{email} would come in as developer").wait_for()
    look.keep("sso-tried")
    page.get_by_role("button", name="Let people in by it").click()
    page.get_by_text("People come in by it now").wait_for()
    look.keep("sso-used")
    page.set_viewport_size({"width": 360, "height": 800})
    look.keep("sso-used-360")
    page.set_viewport_size({"width": 1280, "height": 800})


def _provisioned(look: Look, cast: Cast, email: str) -> None:
    """A token from the Provisioning page brings one person, and the page shows that."""
    page = look.page
    look.open(f"/t/{cast.tenant.slug}/settings/provisioning/")
    page.get_by_label("Name").fill("Acme directory")
    page.get_by_role("button", name="Make connection").click()
    page.get_by_role("button", name="Make token").click()
    page.get_by_text("it is stored hashed").wait_for()
    look.keep("scim-token")
    secret, address = page.locator("[data-copy-text]").all_inner_texts()
    told = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "active": True}
    answer = httpx.post(f"{address}/Users", json=told, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 201, answer.text
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("rowheader", name="POST /Users").wait_for()
    look.keep("scim-connection")
    with tenant_context(cast.tenant.id):
        assert ScimUser.objects.get().user_name == email


def _enforced(look: Look, cast: Cast) -> None:
    """Single sign-on alone lets members in; the owner is asked for a second step from then on."""
    look.open(f"/t/{cast.tenant.slug}/sso/")
    look.keep("sso")
    look.page.get_by_label("Members sign in by single sign-on").check()
    look.page.get_by_role("button", name="Save").click()
    look.page.wait_for_url("**/account/2fa/**")
    with _another_browser(look) as theirs:
        sign_in_as(theirs, look.url, cast.bob)
        theirs.goto(f"{look.url}/t/{cast.tenant.slug}/")
        theirs.wait_for_url(lambda url: not url.startswith(look.url))


def _role_of(cast: Cast, email: str) -> str:
    with tenant_context(cast.tenant.id):
        return Membership.objects.get(user__email=email).role


def _discovered(page: Page, look: Look, email: str) -> None:
    page.goto(f"{look.url}/account/login/")
    page.get_by_role("link", name="Sign in with SSO").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Go on").click()


def _at_openid(page: Page, login: str) -> None:
    page.locator('input[name="login"]').fill(login)
    page.locator('input[name="password"]').fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_openid_connect_from_end_to_end(look: Look, cast: Cast, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = _domain_verified(look, cast, names)
    email = f"{unique('dora')}@{domain}"
    with upstream_running() as provider:
        monkeypatch.setenv("OUTBOUND_ALLOW", provider.allowed)
        provider.ask(people={"dora": {"email": email, "email_verified": True, "name": "Dora", "groups": ["ops"]}})
        told = _begun(look, cast, "OpenID Connect")
        registered = httpx.post(
            f"{provider.issuer}/reg",
            json={
                "redirect_uris": [told["Redirect URI"]],
                "post_logout_redirect_uris": [told["Post-logout redirect URI"]],
                "backchannel_logout_uri": told["Back-channel logout URI"],
                "backchannel_logout_session_required": True,
            },
        ).json()
        page = look.page
        page.get_by_label("Issuer").fill(provider.issuer)
        page.get_by_label("Client ID").fill(registered["client_id"])
        page.get_by_label("Client secret").fill(registered["client_secret"])
        page.get_by_role("button", name="Save provider").click()
        _mapped(page)
        page.get_by_role("button", name="Try a login").click()
        _at_openid(page, "dora")
        _tried_and_used(look, email)
        _provisioned(look, cast, f"eve@{domain}")
        _enforced(look, cast)
        with _another_browser(look) as theirs:
            _discovered(theirs, look, email)
            _at_openid(theirs, "dora")
            theirs.wait_for_url(f"**/t/{cast.tenant.slug}/")
            assert _role_of(cast, email) == Role.DEVELOPER
            # The provider ends its session, and tells the console by itself.
            theirs.goto(f"{provider.issuer}/session/end")
            theirs.get_by_role("button", name="Yes, sign me out").click()
            theirs.get_by_text("Sign-out Success").wait_for()
            theirs.goto(f"{look.url}/t/{cast.tenant.slug}/")
            theirs.wait_for_url("**/account/login/**")
            theirs.goto(f"{look.url}/sso/{cast.tenant.slug}/")
            _at_openid(theirs, "dora")
            theirs.wait_for_url(f"**/t/{cast.tenant.slug}/")
            theirs.get_by_label("Your account").click()
            theirs.get_by_role("button", name="Sign out").click()
            theirs.get_by_role("button", name="Yes, sign me out").click()
            theirs.wait_for_url("**/sso/signed-out/**")
            with tenant_context(cast.tenant.id):
                assert not SsoSession.objects.exists()


@pytest.mark.parametrize("logout", ["redirect", "post"])
def test_saml_from_end_to_end(
    look: Look, cast: Cast, names: Names, monkeypatch: pytest.MonkeyPatch, logout: str
) -> None:
    domain = _domain_verified(look, cast, names)
    email = f"{unique('dora')}@{domain}"
    with idp_running(logout) as idp:
        monkeypatch.setenv("OUTBOUND_ALLOW", idp.allowed)
        told = _begun(look, cast, "SAML 2.0")
        page = look.page
        page.get_by_label("Address of the metadata").fill(idp.metadata_url)
        page.get_by_role("button", name="Save provider").click()
        page.get_by_text("Stored. Now try a login.").wait_for()
        with tenant_context(cast.tenant.id):
            certificate = SsoConnection.objects.get().config["own_certificate"]
        lines = "\n".join(certificate[at : at + 64] for at in range(0, len(certificate), 64))
        idp.ask(
            people={"dora": {"email": email, "name": "Dora", "groups": ["ops"]}},
            service={
                "entity": told["Entity ID, and address of our metadata"],
                "acs": told["Assertion consumer service (HTTP-POST)"],
                "slo": told["Single logout service (HTTP-Redirect or HTTP-POST)"],
                "cert": f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n",
            },
        )
        _mapped(page)
        page.get_by_role("button", name="Try a login").click()
        _at_saml(page, "dora")
        _tried_and_used(look, email)
        _provisioned(look, cast, f"eve@{domain}")
        _enforced(look, cast)
        with _another_browser(look) as theirs:
            _discovered(theirs, look, email)
            _at_saml(theirs, "dora")
            theirs.wait_for_url(f"**/t/{cast.tenant.slug}/")
            assert _role_of(cast, email) == Role.DEVELOPER
            theirs.get_by_label("Your account").click()
            before = idp.sessions
            theirs.get_by_role("button", name="Sign out").click()
            theirs.wait_for_url("**/sso/signed-out/**")
            theirs.get_by_role("link", name="Sign in again").wait_for()
            assert idp.sessions < before


def _at_saml(page: Page, login: str) -> None:
    page.get_by_label("Login").fill(login)
    page.get_by_role("button", name="Sign in").click()
