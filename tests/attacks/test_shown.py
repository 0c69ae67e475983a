"""Names that strangers and providers choose, on the pages and in the exports of those who read them."""

import csv
import io

from django.test import Client

from core.tenancy import tenant_context
from tenants.audit.reading import audit_export
from tenants.services.tenants import tenant_rename
from tests.attacks.conftest import Stage
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow
from tests.console.visitor import look_at

SCRIPT = "<script>alert(1)</script>"
QUOTE = "\"'><img src=x onerror=alert(1)>"


def _holds_no_markup(page: object, *shown: str) -> None:
    look_at(page)  # type: ignore[arg-type]  # the test client's subclass
    text = page.content.decode()  # type: ignore[attr-defined]
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert all(word in text for word in shown)


def test_the_name_of_a_client_is_text_wherever_it_stands(cast: Cast, flow: Flow, person: Client, alice: Client) -> None:
    assert flow.register(client_name=f"{SCRIPT}{QUOTE}").status_code == 201
    _holds_no_markup(flow.asked(person), "&lt;script&gt;alert")
    assert flow.tokens(person)
    base = f"/t/{cast.tenant.slug}"
    for page in (f"{base}/clients/", f"{base}/clients/known/", f"{base}/settings/audit/"):
        _holds_no_markup(alice.get(page), "&lt;script&gt;alert")


def test_the_names_of_provisioned_people_and_groups_are_text(stage: Stage) -> None:
    stage.scim.group(f"{SCRIPT}{QUOTE}", stage.provisioned)
    browser, base = signed_in(stage.cast.alice), f"/t/{stage.cast.tenant.slug}/settings"
    shown = browser.get(f"{base}/provisioning/{stage.scim.connection.pk}/")
    _holds_no_markup(shown, "&lt;script&gt;alert")
    _holds_no_markup(browser.get(f"{base}/audit/"), "&lt;script&gt;alert")


def test_what_a_provider_says_of_people_is_text(stage: Stage) -> None:
    browser, sso = Client(), stage.sso
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=f"dora@{sso.domain}", sub="x", name=SCRIPT, groups=[QUOTE])
    assert sso.back(browser).status_code == 302
    reader, base = signed_in(stage.cast.alice), f"/t/{stage.cast.tenant.slug}"
    for page in ("/team/", "/settings/audit/", f"/sso/{sso.connection.pk}/"):
        _holds_no_markup(reader.get(f"{base}{page}"))


def test_the_name_of_a_tenant_is_text(cast: Cast, flow: Flow, alice: Client) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenant_rename(actor=actor, name=f"{SCRIPT}{QUOTE}", slug=cast.tenant.slug)
    for page in (f"/t/{cast.tenant.slug}/", f"/t/{cast.tenant.slug}/settings/audit/", "/home/"):
        _holds_no_markup(alice.get(page))
    _holds_no_markup(flow.asked(alice), "&lt;script&gt;alert")


def test_no_cell_of_an_export_is_a_formula(cast: Cast, flow: Flow) -> None:
    for name in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", '=HYPERLINK("https://evil.example","x")'):
        assert flow.register(client_name=name).status_code == 201
    lines = "".join(audit_export(actor=cast.acting(cast.alice), form="csv"))
    cells = [cell for row in csv.reader(io.StringIO(lines)) for cell in row]
    assert any(cell.startswith("'=1+1") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
