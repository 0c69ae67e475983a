"""From a new connection to one in use: by a member, by the holder of a link, and what each may not."""

import html
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from core.tenancy import tenant_context
from tenants.models import Role, SsoConnection, SsoSetupLink, User
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.sso.conftest import person_in
from tests.dns_server import Names, names
from tests.saml_messages import PAIR, metadata
from tests.sso_provider import OpenId, domain_held, parameters
from tests.told_host import Host

__all__ = ["names"]


def _text(response: Any) -> str:
    return html.unescape(response.content.decode())


def _only(cast: Cast) -> SsoConnection:
    with tenant_context(cast.tenant.id):
        return SsoConnection.objects.get()


def _made(browser: Client, base: str, kind: str = "oidc") -> str:
    answer = browser.post(f"{base}/sso/new/", {"name": unique("Acme"), "kind": kind})
    assert answer.status_code == 302
    return str(answer["Location"])


def _tried(browser: Client, page: str, provider: OpenId, **claims: Any) -> HttpResponse:
    """A trial login; the page that comes after."""
    left = _text(browser.post(f"{page}try/"))
    asked = parameters(left.partition('content="0; url=')[2].partition('"')[0])
    provider.issues(asked["nonce"], **claims)
    back = asked["redirect_uri"].removeprefix("http://localhost:8000")
    answer = browser.get(back, {"code": "c", "state": asked["state"], "iss": provider.issuer})
    assert answer.status_code == 302
    return browser.get(answer["Location"].partition("#")[0])  # type: ignore[return-value]


def test_a_connection_is_set_up_from_end_to_end(cast: Cast, alice: Client, base: str, host: Host) -> None:
    provider, domain = OpenId.at(host), domain_held(cast.tenant)
    page = _made(alice, base)
    assert f"/sso/connections/{cast.tenant.id}/{_only(cast).pk}/callback" in _text(alice.get(page))
    wrong = alice.post(page, provider.draft | {"issuer": f"{host.origin}/nobody"})
    assert wrong.status_code == 422
    assert "publishes no discovery document" in _text(wrong)
    assert alice.post(page, provider.draft).status_code == 302
    assert "a secret" not in _text(alice.get(page))
    assert alice.post(f"{page}switch/", {"on": "1"}).status_code == 409
    email = f"{unique('dora')}@{domain}"
    shown = _text(_tried(alice, page, provider, email=email, groups=["ops"]))
    assert "The login works" in shown
    assert f"{email} would come in as viewer" in shown
    assert not User.objects.filter(email=email).exists()
    assert person_in(alice) == cast.alice
    assert alice.post(f"{page}switch/", {"on": "1"}).status_code == 302
    assert _only(cast).is_enabled


TRIALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "audience": ({"aud": "another-client"}, "ID token: aud", "another-client"),
    "domain": ({"email": "x@other.example"}, "e-mail domain", "x@other.example"),
    "no address": ({}, "e-mail address", "The provider names none."),
    "expired": ({"exp": 1}, "ID token: exp", "The token has expired."),
    "unverified": (
        {"email": "x@other.example", "email_verified": False},
        "email_verified",
        "says that the address is not verified",
    ),
    "markup": ({"email": "<script>alert(1)</script>"}, "e-mail address: form", "It is no mail address."),
}


@pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS.keys())
def test_a_trial_says_which_check_failed_and_what_came(
    cast: Cast, alice: Client, base: str, host: Host, trial: tuple[dict[str, Any], str, str]
) -> None:
    claims, check, said = trial
    provider = OpenId.at(host)
    domain_held(cast.tenant)
    page = _made(alice, base)
    alice.post(page, provider.draft)
    raw = _tried(alice, page, provider, **claims)
    assert "<script>alert" not in raw.content.decode()
    shown = _text(raw)
    assert f"It failed at: {check}" in shown
    assert said in shown
    assert not _only(cast).trial["ok"]
    assert alice.post(f"{page}switch/", {"on": "1"}).status_code == 409


def test_what_was_tried_counts_until_it_is_changed(cast: Cast, alice: Client, base: str, host: Host) -> None:
    provider, domain = OpenId.at(host), domain_held(cast.tenant)
    page = _made(alice, base)
    alice.post(page, provider.draft)
    _tried(alice, page, provider, email=f"a@{domain}")
    assert _only(cast).trial["ok"]
    alice.post(page, provider.draft | {"client_secret": "", "scopes": "openid email"})
    assert not _only(cast).trial


def test_whoever_holds_a_link_sets_it_up_without_an_account(cast: Cast, alice: Client, base: str, host: Host) -> None:
    provider, domain = OpenId.at(host), domain_held(cast.tenant)
    page = _made(alice, base, "saml")
    link = re.search(r"http://localhost:8000(/sso/setup/[^<\s]+)", _text(alice.post(f"{page}links/")))
    assert link is not None
    admin, setup = Client(), link[1]
    assert cast.tenant.name in _text(admin.get(setup))
    assert admin.post(f"{setup}kind/", {"kind": "oidc"}).status_code == 302
    assert admin.post(setup, provider.draft).status_code == 302
    shown = _text(_tried(admin, setup, provider, email=f"a@{domain}"))
    assert "The login works" in shown
    assert person_in(admin) is None
    for path in (page, f"{base}/sso/", f"{base}/"):
        assert admin.get(path)["Location"].startswith("/account/login/")
    assert alice.post(f"{page}switch/", {"on": "1"}).status_code == 302
    assert admin.get(setup).status_code == 410
    assert admin.post(setup, provider.draft | {"client_id": "mallory"}).status_code == 410
    assert _only(cast).config["client_id"] != "mallory"


@pytest.mark.parametrize("end", ["revoked", "expired", "deleted", "guessed"])
def test_a_link_that_ended_opens_nothing(cast: Cast, alice: Client, base: str, end: str) -> None:
    page = _made(alice, base)
    found = re.search(r"localhost:8000(/sso/setup/[^<\s]+)", _text(alice.post(f"{page}links/")))
    assert found is not None
    setup = found[1]
    assert Client().get(setup).status_code == 200
    with tenant_context(cast.tenant.id):
        link = SsoSetupLink.objects.get()
        assert link.opened_at is not None
        assert setup.rstrip("/").rpartition("/")[2] not in str(vars(link))
    if end == "revoked":
        assert alice.post(f"{page}links/{link.pk}/revoke/").status_code == 302
    elif end == "expired":
        with tenant_context(cast.tenant.id):
            SsoSetupLink.objects.update(expires_at="2020-01-01T00:00:00Z")
    elif end == "deleted":
        assert alice.post(f"{page}delete/").status_code == 302
    else:
        setup = f"/sso/setup/{cast.tenant.slug}/{'a' * 43}/"
    for answer in (Client().get(setup), Client().post(setup, {}), Client().post(f"{setup}try/")):
        assert answer.status_code == 410
        assert cast.tenant.name not in _text(answer)


def test_an_admin_prepares_and_the_owner_puts_into_use(cast: Cast, alice: Client, base: str, host: Host) -> None:
    provider, domain = OpenId.at(host), domain_held(cast.tenant)
    ada = signed_in(cast.join("ada", Role.ADMIN))
    page = _made(ada, base)
    ada.post(page, provider.draft)
    _tried(ada, page, provider, email=f"a@{domain}")
    assert ada.post(f"{page}switch/", {"on": "1"}).status_code == 403
    alice.post(f"{page}switch/", {"on": "1"})
    assert ada.post(page, provider.draft | {"client_id": "mine"}).status_code == 403
    assert ada.post(f"{page}admission/", {"default_role": "admin"}).status_code == 403
    assert ada.post(f"{page}delete/").status_code == 403
    assert ada.post(f"{page}links/").status_code == 403
    assert _only(cast).config["client_id"] == "armstrong"


def test_developers_and_strangers_set_nothing_up(alice: Client, bob: Client, charlie: Client, base: str) -> None:
    page = _made(alice, base)
    assert bob.get(f"{base}/sso/").status_code == bob.get(page).status_code == 403
    assert charlie.get(f"{base}/sso/").status_code == charlie.get(page).status_code == 404


def test_roles_of_groups_are_typed_a_line_each(cast: Cast, alice: Client, base: str) -> None:
    page = _made(alice, base)
    said = {"makes_members": "on", "default_role": "developer", "roles": "Ops = admin\n\ncn=dev,dc=x = viewer\n"}
    assert alice.post(f"{page}admission/", said).status_code == 302
    assert _only(cast).roles == [{"group": "Ops", "role": "admin"}, {"group": "cn=dev,dc=x", "role": "viewer"}]
    assert "cn=dev,dc=x = viewer" in _text(alice.get(page))
    for wrong in ("Ops = owner", "Ops", "= admin", "Ops = admin\nOps = viewer", "Ops = root"):
        assert alice.post(f"{page}admission/", said | {"roles": wrong}).status_code == 422
    assert alice.post(f"{page}admission/", said | {"default_role": "owner"}).status_code == 422


WRONG_SAML: dict[str, dict[str, str]] = {
    "metadata_xml": {"metadata_xml": "<EntityDescriptor/>"},
    "no XML": {"metadata_xml": "{"},
    "a document type": {"metadata_xml": f"<!DOCTYPE a>{metadata(PAIR)}"},
    "an address inside": {"metadata_url": "https://10.0.0.1/metadata"},
    "an address of the machine": {"metadata_url": "http://169.254.169.254/"},
    "a file": {"metadata_url": "file:///etc/passwd"},
    "nothing": {},
    "no certificate": {"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso"},
    "what is no certificate": {
        "entity_id": "https://idp.example",
        "sso_url": "https://idp.example/sso",
        "certificates": "MIIB",
    },
    "an address without encryption": {
        "entity_id": "https://idp.example",
        "sso_url": "http://idp.example/sso",
        "certificates": PAIR.certificate,
    },
    "a script": {
        "entity_id": "https://idp.example",
        "sso_url": "javascript:alert(1)",
        "certificates": PAIR.certificate,
    },
}


@pytest.mark.parametrize("draft", WRONG_SAML.values(), ids=WRONG_SAML.keys())
def test_a_saml_provider_that_is_not_quite_right_is_not_stored(
    cast: Cast, alice: Client, base: str, draft: dict[str, str]
) -> None:
    page = _made(alice, base, "saml")
    assert alice.post(page, draft).status_code == 422
    assert not _only(cast).config.get("entity_id")


WRONG_OIDC: dict[str, Any] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no token endpoint": {"token_endpoint": None},
    "a token endpoint inside": {"token_endpoint": "http://10.0.0.1/token"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "a script to go to": {"authorization_endpoint": "javascript:alert(1)"},
    "shared secrets alone": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
}


@pytest.mark.parametrize("changes", WRONG_OIDC.values(), ids=WRONG_OIDC.keys())
def test_an_openid_provider_that_is_not_quite_right_is_not_stored(
    cast: Cast, alice: Client, base: str, host: Host, changes: dict[str, Any]
) -> None:
    page = _made(alice, base)
    answer = alice.post(page, OpenId.at(host, **changes).draft)
    assert answer.status_code == 422
    assert not _only(cast).config


def test_a_secret_stays_where_it_was_given_for(cast: Cast, alice: Client, base: str, host: Host) -> None:
    page = _made(alice, base)
    one, two = OpenId.at(host), OpenId.at(host)
    alice.post(page, one.draft)
    assert alice.post(page, one.draft | {"client_secret": "", "auth_method": "client_secret_basic"}).status_code == 302
    answer = alice.post(page, two.draft | {"client_secret": "", "auth_method": "client_secret_basic"})
    assert answer.status_code == 422
    assert _only(cast).config["issuer"] == one.issuer


def test_a_domain_is_verified_on_the_page(cast: Cast, alice: Client, base: str, names: Names) -> None:
    name = f"{unique('acme')}.example"
    assert alice.post(f"{base}/sso/domains/new/", {"name": "no domain"}).status_code == 422
    alice.post(f"{base}/sso/domains/new/", {"name": name})
    shown = _text(alice.get(f"{base}/sso/"))
    text = re.search(r"armstrong-domain-verification=[\w-]+", shown)
    check = re.search(r"/sso/domains/[0-9a-f-]+/check/", shown)
    assert text is not None
    assert check is not None
    path = f"/t/{cast.tenant.slug}{check[0]}"
    assert "There is none" in _text(alice.post(path, follow=True))
    names.texts[f"_armstrong-challenge.{name}"] = [text[0]]
    assert f"{name} is verified" in _text(alice.post(path, follow=True))
    assert alice.post(path.replace("check", "delete")).status_code == 302


def test_a_saml_provider_is_told_by_its_metadata(cast: Cast, alice: Client, base: str) -> None:
    page = _made(alice, base, "saml")
    assert alice.post(page, {"metadata_xml": metadata(PAIR)}).status_code == 302
    shown = _text(alice.get(page))
    assert "https://idp.example/sso" in shown
    assert re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", shown)
    assert "BEGIN CERTIFICATE" in shown
    assert "PRIVATE KEY" not in shown


SWITCHES = {"oidc": ("takes_assertions", "takes_unsolicited"), "saml": ("takes_unsolicited", "takes_assertions")}


@pytest.mark.parametrize("kind", SWITCHES)
def test_a_connection_has_the_switches_of_its_own_kind_alone(cast: Cast, alice: Client, base: str, kind: str) -> None:
    own, others = SWITCHES[kind]
    page = _made(alice, base, kind)
    shown = _text(alice.get(page))
    assert f'name="{own}"' in shown
    assert f'name="{others}"' not in shown
    assert ("Encryption certificate" in shown) is (kind == "saml")
    said = {"default_role": "viewer", own: "on", others: "on"}
    assert alice.post(f"{page}admission/", said).status_code == 302
    stored = _only(cast)
    assert getattr(stored, own) is True
    assert getattr(stored, others) is False
