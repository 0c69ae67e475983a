"""What a person types about a tenant."""

from typing import ClassVar

from django import forms

from console.forms import ServiceForm


class TenantForm(ServiceForm):
    """Name and address of a tenant."""

    name = forms.CharField(max_length=80, help_text="Your team, your company, or yourself.")
    slug = forms.CharField(
        label="Address",
        max_length=40,
        required=False,
        help_text="The part of its URLs that names it. Left empty, it is made from the name.",
    )


class NamingForm(ServiceForm):
    """Only the name: the address is made from it."""

    service_fields: ClassVar[dict[str, str]] = {"slug": "name"}

    name = forms.CharField(
        label="Name your tenant", max_length=80, help_text="Your team, your company, or yourself. You can change it."
    )
