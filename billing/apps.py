"""Tells Django of this app."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class BillingConfig(AppConfig):
    """Billing."""

    name = "billing"

    def ready(self) -> None:
        """Answers what plans allow of what is made below: by name, since models cannot be imported before."""
        register = import_string("tenants.allowance.allowance_register")
        names = ("require_named_right", "require_member_room")
        register(*(import_string(f"billing.entitlements.{name}") for name in names))
