"""Every page of an account and the front page, in both themes, on a desk and on a phone: nothing sticks out."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.visitor import PASSWORD
from tests.e2e.conftest import Look

pytestmark = pytest.mark.e2e

OPEN = {
    "landing": "/",
    "login": "/account/login/",
    "signup": "/account/signup/",
    "reset": "/account/password/reset/",
    "missing": "/no/such/page",
}
OWN = {
    "email": "/account/email/",
    "password": "/account/password/change/",
    "security": "/account/2fa/",
    "totp": "/account/2fa/totp/activate/",
    "passkeys": "/account/2fa/webauthn/",
    "passkey-add": "/account/2fa/webauthn/add/",
    "sessions": "/account/sessions/",
    "logout": "/account/logout/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_its_screen(look: Look, width: int, scheme: str) -> None:
    look.page.set_viewport_size({"width": width, "height": 800})
    look.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    for name, path in OPEN.items():
        look.open(path)
        look.keep(f"{name}-{width}-{scheme}")
    look.open("/account/login/")
    look.page.get_by_label("E-mail address").fill("nobody@example.com")
    look.page.get_by_label("Password").fill("wrong password")
    look.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(look.page.get_by_role("alert").first).to_have_text(re.compile("wrong"))
    look.keep(f"login-wrong-{width}-{scheme}")
    look.sign_up()
    look.keep(f"welcome-{width}-{scheme}")
    look.open("/account/reauthenticate/")
    look.keep(f"reauthenticate-{width}-{scheme}")
    look.page.get_by_label("Password").fill(PASSWORD)
    look.page.get_by_role("button", name="Go on").click()
    look.page.wait_for_url(lambda address: "reauthenticate" not in address)
    for name, path in OWN.items():
        look.open(path)
        look.keep(f"{name}-{width}-{scheme}")
