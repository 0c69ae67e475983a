"""How people sign up and in: what of allauth is ours."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from core import crypto
from tenants.models import User
from tenants.sso.sessions import named_in
from tenants.sso.sign_out import signed_out_of_all

PRODUCT = "Joe Armstrong AGI MCP"
SECRETS = "tenants.second-step"


def refuse_address(value: str) -> None:
    """Raises ValidationError for a name that holds a web address: names stand in mails to people who did not ask."""
    if "://" in value or "www." in value.lower():
        raise ValidationError("A name holds no web address.")


class SignupForm(forms.Form):
    """What sign-up asks beside the address and the password."""

    name = forms.CharField(
        max_length=100, validators=[refuse_address], widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the person is stored."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class AccountAdapter(DefaultAccountAdapter):
    """allauth's behaviour, in the product's words."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The address or the password is wrong.",
        "too_many_login_attempts": "Too many tries. Wait five minutes, or reset the password.",
        "incorrect_code": "This code is wrong. Enter the newest one we sent.",
        "incorrect_password": "This password is wrong.",
        "email_taken": "An account has this address already.",
    }

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Who came by single sign-on goes on to sign out there."""
        return reverse("sso_signed_out") if named_in(request.session) else str(super().get_logout_redirect_url(request))

    def logout(self, request: HttpRequest) -> None:
        """Ends the session here, and what a provider counts as one with it."""
        kept = signed_out_of_all(request.session)
        super().logout(request)
        request.session.update(kept)


class MFAAdapter(DefaultMFAAdapter):
    """allauth's second step, with its secrets sealed at rest."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is wrong or was used. Enter the one your app shows now.",
    }

    def encrypt(self, text: str) -> str:
        """An authenticator's secret as it is stored."""
        return crypto.seal(SECRETS, text.encode(), bound_to="")

    def decrypt(self, encrypted_text: str) -> str:
        """The inverse of `encrypt`; raises crypto.Forged for anything else."""
        return crypto.unseal(SECRETS, encrypted_text, bound_to="").decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        """The name that a new passkey is offered: the first is `Passkey`, later ones are numbered."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Who asks for the passkey, as the browser shows it (WebAuthn section 5.4.2)."""
        return super().get_public_key_credential_rp_entity() | {"name": PRODUCT}
