"""What a person types about provisioning."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from console.forms import ServiceForm
from console.pages.keys.forms import LIFETIMES
from console.pages.team.forms import grantable_roles
from tenants.access import Actor
from tenants.models import Role


class ConnectionForm(ServiceForm):
    """Name of the provider, and the role of those who join."""

    name = forms.CharField(max_length=80, help_text="Which provider it is, such as “Entra”.")
    default_role = forms.ChoiceField(
        label="Role of people who join", initial=Role.VIEWER, help_text="Groups can give more; you choose which."
    )
    service_fields = {"role": "default_role"}

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["default_role"]
        if isinstance(role, forms.ChoiceField):
            role.choices = grantable_roles(actor)


class TokenForm(ServiceForm):
    """How long a token works."""

    expires_at = forms.ChoiceField(label="Expires", choices=LIFETIMES, initial="365", required=False)

    def clean_expires_at(self) -> datetime | None:
        days: str = self.cleaned_data["expires_at"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class GroupRoleForm(ServiceForm):
    """What a group gives its members."""

    role = forms.ChoiceField(required=False)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        if isinstance(role, forms.ChoiceField):
            role.choices = [("", "No role"), *grantable_roles(actor)]
