"""What is said when the cord is pulled."""

from django import forms

from console.forms import ServiceForm


class StopForm(ServiceForm):
    """The message that callers read."""

    message = forms.CharField(
        max_length=500,
        label="What callers read",
        help_text="Say why it was stopped, and what to do meanwhile. Models read this too.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
