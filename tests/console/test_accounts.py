"""Signing up, in and out, as somebody with a browser and a mailbox does it."""

from tenants.models import User
from tests.conftest import make_user
from tests.console.visitor import PASSWORD, Visitor, address, code_in, confirmed, mails_to, signed_up

WRONG = "The address or the password is wrong."


def test_sign_up_with_the_code_from_the_mail_signs_in() -> None:
    visitor, email = Visitor(), address("alice")
    page = visitor.post("/account/signup/", {"name": "Alice Doe", "email": email.upper(), "password1": PASSWORD})
    assert "Confirm your address" in page.content.decode()
    assert visitor.whoami() is None
    message = mails_to(email)[-1]
    assert message.subject == "Your code to confirm this address"
    visitor.post("/account/confirm-email/", {"code": code_in(message).lower()})
    person = visitor.whoami()
    assert person
    assert (person.email, person.name) == (email, "Alice Doe")


def test_a_wrong_code_is_refused_and_the_third_ends_the_attempt() -> None:
    visitor, email = Visitor(), address("alice")
    visitor.post("/account/signup/", {"name": "Alice", "email": email, "password1": PASSWORD})
    page = visitor.post("/account/confirm-email/", {"code": "AAAA-AAAA"})
    assert "This code is wrong." in page.content.decode()
    visitor.post("/account/confirm-email/", {"code": "AAAA-AAAB"})
    visitor.post("/account/confirm-email/", {"code": "AAAA-AAAC"})
    assert "Confirm your address" not in visitor.get("/account/confirm-email/").content.decode()
    assert visitor.whoami() is None


def test_a_new_code_can_be_asked_for_and_another_address_given() -> None:
    visitor, email, other = Visitor(), address("typo"), address("alice")
    visitor.post("/account/signup/", {"name": "Alice", "email": email, "password1": PASSWORD})
    visitor.post("/account/confirm-email/", {"action": "change", "email": other})
    visitor.post("/account/confirm-email/", {"code": code_in(mails_to(other)[-1])})
    person = visitor.whoami()
    assert person
    assert person.email == other
    assert not User.objects.filter(email=email).exists()


def test_sign_up_refuses_a_short_password_a_name_with_a_link_and_keeps_what_was_typed() -> None:
    email = address("alice")
    page = Visitor().post("/account/signup/", {"name": "Win at http://x", "email": email, "password1": "short"})
    text = page.content.decode()
    assert "A name holds no web address." in text
    assert "This password is too short." in text
    assert f'value="{email}"' in text
    assert not mails_to(email)


def test_sign_up_with_a_taken_address_looks_the_same_and_tells_the_owner_alone() -> None:
    email = make_user("alice").email
    page = Visitor().post("/account/signup/", {"name": "Eve", "email": email, "password1": PASSWORD})
    assert "Confirm your address" in page.content.decode()
    assert mails_to(email)[-1].subject == "You have an account already"
    assert User.objects.filter(email=email).count() == 1


def test_a_wrong_password_and_an_unknown_address_read_the_same() -> None:
    _, email = signed_up()
    for tried in (email, address("nobody")):
        page = Visitor().sign_in(tried, "wrong password")
        assert WRONG in page.content.decode()


def test_the_right_password_signs_in_and_signing_out_ends_it() -> None:
    _, email = signed_up()
    visitor = Visitor()
    visitor.sign_in(email)
    assert visitor.whoami()
    page = visitor.post("/account/logout/", {})
    assert "You are signed out." in page.content.decode()
    assert visitor.whoami() is None


def test_too_many_wrong_passwords_close_the_address_for_a_while() -> None:
    _, email = signed_up()
    for _ in range(5):
        Visitor().sign_in(email, "wrong password")
    visitor = Visitor()
    page = visitor.sign_in(email)
    assert "Too many tries" in page.content.decode()
    assert visitor.whoami() is None


def test_too_many_wrong_passwords_from_one_place_close_it_for_every_address() -> None:
    _, email = signed_up()
    visitor = Visitor()
    for _ in range(10):
        visitor.sign_in(address("nobody"), "wrong password")
    assert "Too many tries" in visitor.sign_in(email).content.decode()
    assert visitor.whoami() is None


def test_asking_for_codes_again_and_again_gets_a_page_that_says_when_to_come_back() -> None:
    email = address("nobody")
    pages = [Visitor().post("/account/password/reset/", {"email": email}) for _ in range(6)]
    assert pages[-1].status_code == 429
    assert "Wait a few minutes" in pages[-1].content.decode()
    assert len(mails_to(email)) == 5


def test_a_password_is_reset_by_the_code_from_the_mail() -> None:
    elsewhere, email = signed_up()
    visitor = Visitor()
    visitor.post("/account/password/reset/", {"email": email})
    message = mails_to(email)[-1]
    assert message.subject == "Your code to reset your password"
    visitor.post("/account/password/reset/confirm/", {"code": code_in(message)})
    new = {"password1": "a wholly new sentence", "password2": "a wholly new sentence"}
    visitor.post("/account/password/reset/complete/", new)
    assert mails_to(email)[-1].subject == "Your password was reset"
    assert elsewhere.whoami() is None
    again = Visitor()
    again.sign_in(email)
    assert again.whoami() is None
    again.sign_in(email, "a wholly new sentence")
    assert again.whoami()


def test_resetting_the_password_of_an_unknown_address_looks_the_same() -> None:
    email = address("nobody")
    page = Visitor().post("/account/password/reset/", {"email": email})
    assert f"We sent a code to <strong>{email}</strong>" in page.content.decode()
    assert mails_to(email)[-1].subject == "No account with this address"


def test_changing_the_password_ends_every_other_session_and_keeps_this_one() -> None:
    visitor, email = signed_up()
    other = Visitor()
    other.sign_in(email)
    new = {"oldpassword": PASSWORD, "password1": "a wholly new sentence", "password2": "a wholly new sentence"}
    page = visitor.post("/account/password/change/", new)
    assert "Every other session has ended." in page.content.decode()
    assert visitor.whoami()
    assert other.whoami() is None
    assert "Your password has changed" in [message.subject for message in mails_to(email)]


def test_an_address_changes_once_the_code_sent_to_the_new_one_is_entered() -> None:
    visitor, email = confirmed()
    new = address("alice-new")
    visitor.post("/account/email/", {"action_add": "", "email": new})
    assert User.objects.filter(email=email).exists()
    visitor.post("/account/confirm-email/", {"code": code_in(mails_to(new)[-1])})
    person = visitor.whoami()
    assert person
    assert person.email == new


def test_sign_out_everywhere_else_ends_the_other_sessions_at_once() -> None:
    visitor, email = signed_up()
    other = Visitor()
    other.sign_in(email)
    page = visitor.get("/account/sessions/").content.decode()
    assert page.count("Firefox on Linux") == 2
    visitor.post("/account/sessions/", {})
    assert other.whoami() is None
    assert visitor.whoami()
    assert visitor.get("/account/sessions/").content.decode().count("Firefox on Linux") == 1


def test_a_form_without_its_token_is_refused_in_our_words() -> None:
    visitor = Visitor()
    response = visitor.client.post("/account/login/", {"login": "a@example.com", "password": "x"})
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()


def test_a_link_that_leads_elsewhere_after_signing_in_is_not_followed() -> None:
    _, email = signed_up()
    visitor = Visitor()
    data = {"login": email, "password": PASSWORD, "next": "https://evil.example/"}
    visitor.client.handler.enforce_csrf_checks = False
    response = visitor.client.post("/account/login/", data)
    assert response["Location"] == "/"
