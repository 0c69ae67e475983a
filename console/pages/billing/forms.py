"""What a person types about money."""

from django import forms

from billing.plans.models import MAXIMUM_CENTS
from console.forms import ServiceForm


class CapForm(ServiceForm):
    """What may be spent on calls beyond those included."""

    amount = forms.DecimalField(
        label="At most in a period",
        min_value=0,
        max_value=MAXIMUM_CENTS // 100,
        decimal_places=2,
        help_text="On calls beyond those that the plan includes. You are told at half, four fifths and all of it.",
    )
    is_hard = forms.BooleanField(
        label="Refuse further calls",
        required=False,
        help_text="Until the period ends or the amount is raised. Otherwise you are told and nothing else happens.",
    )
    service_fields = {"cents": "amount"}
