"""What a person types about a webhook that gets the audit log."""

from django import forms

from console.forms import ServiceForm


class TargetForm(ServiceForm):
    """Where it is, and from which event on."""

    name = forms.CharField(max_length=80, help_text="Such as “SIEM”.")
    url = forms.CharField(label="URL", max_length=2000, help_text="https, signed as Standard Webhooks has it.")
    after = forms.IntegerField(
        label="After event number",
        required=False,
        min_value=0,
        max_value=2**63 - 1,
        help_text="Empty: from now on. 0: everything that is kept.",
    )
