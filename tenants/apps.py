"""Tells Django of this app."""

import importlib

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """People and tenants."""

    name = "tenants"

    def ready(self) -> None:
        """Has the audit log hear of sign-ins; its receivers need the models, which are there by now."""
        importlib.import_module("tenants.audit.persons")
