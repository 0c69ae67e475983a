"""What a person types about a tenant's settings and its REST API keys."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from console.forms import ServiceForm
from console.pages.keys.forms import LIFETIMES
from tenants.access import PERMISSIONS, Actor
from tenants.models import Role


class RenameForm(ServiceForm):
    """Name and address of the tenant."""

    name = forms.CharField(max_length=80)
    slug = forms.CharField(
        label="Address",
        max_length=40,
        help_text="The part of every URL that names the tenant. URLs with the former address go on working.",
    )


class ApiKeyForm(ServiceForm):
    """Name, role and expiry of a REST API key."""

    name = forms.CharField(max_length=80, help_text="Who or what uses it, such as “Deploy pipeline”.")
    role = forms.ChoiceField(initial=Role.DEVELOPER, help_text="The key may do what a member with this role may.")
    expires_at = forms.ChoiceField(label="Expires", choices=LIFETIMES, initial="90", required=False)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role, own = self.fields["role"], PERMISSIONS[actor.role]
        if isinstance(role, forms.ChoiceField):
            role.choices = [(value, label) for value, label in Role.choices if PERMISSIONS[value] <= own]

    def clean_expires_at(self) -> datetime | None:
        days: str = self.cleaned_data["expires_at"]
        return timezone.now() + timedelta(days=int(days)) if days else None
