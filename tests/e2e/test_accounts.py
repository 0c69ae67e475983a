"""A person with a browser: signs up, adds a passkey, signs in with it, chooses a theme, uses the keys."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.visitor import PASSWORD
from tests.e2e.conftest import Look

pytestmark = pytest.mark.e2e


def with_passkeys(look: Look) -> None:
    """Gives the browser an authenticator that always finds its person there."""
    devtools = look.page.context.new_cdp_session(look.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_from_the_front_page_to_a_confirmed_account(look: Look) -> None:
    look.open("/")
    look.page.get_by_role("link", name="Make an endpoint").click()
    expect(look.page.get_by_role("heading", name="Make an account")).to_be_visible()
    look.sign_up()
    expect(look.page.get_by_role("heading", level=1)).to_be_visible()


def test_a_passkey_is_added_and_signs_in_without_a_password(look: Look) -> None:
    with_passkeys(look)
    look.sign_up()
    look.open("/account/2fa/webauthn/add/")
    look.page.get_by_label("Password").fill(PASSWORD)
    look.page.get_by_role("button", name="Go on").click()
    look.page.get_by_label("Name").fill("Laptop")
    look.page.get_by_label("Sign in with it instead of a password").check()
    look.page.get_by_role("button", name="Add passkey").click()
    # Away from the form, which is under the same path: opening another page before that cuts the submission off.
    look.page.wait_for_url(re.compile("/account/2fa/(?!webauthn/add/)"))
    look.open("/account/2fa/webauthn/")
    expect(look.page.get_by_role("rowheader", name="Laptop")).to_be_visible()
    look.open("/account/logout/")
    look.page.get_by_role("main").get_by_role("button", name="Sign out").click()
    look.page.wait_for_url(look.url + "/")
    look.open("/account/login/")
    look.page.get_by_role("button", name="Sign in with a passkey").click()
    look.page.wait_for_url("**/welcome/")


def test_a_passkey_that_the_browser_refuses_is_said_on_the_page(look: Look) -> None:
    look.open("/account/login/")
    devtools = look.page.context.new_cdp_session(look.page)
    devtools.send("WebAuthn.enable")
    refusal = "Promise.reject(new DOMException('no', 'NotAllowedError'))"
    look.page.evaluate(f"() => {{ navigator.credentials.get = () => {refusal}; }}")
    look.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(look.page.get_by_role("alert")).to_have_text(re.compile("The browser ended the request"))


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_one_is_chosen_and_then_stays(look: Look, system: str) -> None:
    other = {"light": "dark", "dark": "light"}[system]
    grounds = {"light": "rgb(251, 250, 247)", "dark": "rgb(18, 19, 24)"}
    look.page.emulate_media(color_scheme="light" if system == "light" else "dark")
    look.open("/")
    root = look.page.locator("html")
    expect(root).to_have_css("background-color", grounds[system])
    look.page.get_by_role("button", name=other.capitalize()).click()
    expect(root).to_have_css("background-color", grounds[other])
    look.open("/account/login/")
    expect(root).to_have_css("background-color", grounds[other])
    expect(look.page.get_by_role("button", name=other.capitalize())).to_have_attribute("aria-pressed", "true")
    look.page.get_by_role("button", name="System").click()
    expect(root).to_have_css("background-color", grounds[system])


def test_a_copy_button_copies_what_it_stands_beside(look: Look) -> None:
    look.open("/")
    look.page.get_by_role("button", name="Copy: Claude Code").click()
    expect(look.page.locator("[data-copied]")).to_be_visible()
    copied = look.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("claude mcp add --transport http weather")


def test_at_phone_width_the_rail_is_a_drawer_that_escape_closes(look: Look) -> None:
    look.page.set_viewport_size({"width": 360, "height": 740})
    look.sign_up()
    look.open("/account/email/")
    rail = look.page.get_by_role("navigation", name="Sections")
    expect(rail).not_to_be_visible()
    look.page.get_by_role("button", name="Menu").click()
    expect(rail).to_be_visible()
    look.page.keyboard.press("Escape")
    expect(rail).not_to_be_visible()
    expect(look.page.get_by_role("button", name="Menu")).to_be_focused()


def test_the_keys_are_listed_by_a_question_mark_and_escape_closes_the_list(look: Look) -> None:
    look.sign_up()
    look.open("/account/email/")
    look.page.locator("body").press("?")
    expect(look.page.get_by_role("dialog", name="Keys")).to_be_visible()
    look.page.keyboard.press("Escape")
    expect(look.page.get_by_role("dialog", name="Keys")).not_to_be_visible()
