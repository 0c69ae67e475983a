"""Tells Django of this app."""

import importlib

from django.apps import AppConfig
from django.utils.module_loading import import_string

ENDERS = ("sso_sessions_end", "api_keys_end", "grants_end", "tokens_end", "connections_end")


class TenantsConfig(AppConfig):
    """People and tenants."""

    name = "tenants"

    def ready(self) -> None:
        """Has the audit log hear of sign-ins, and registers what people leave behind here.

        By name, since both need the models, which are there by now.
        """
        importlib.import_module("tenants.audit.persons")
        register = import_string("tenants.leaving.ender_register")
        for ender in ENDERS:
            register(import_string(f"tenants.services.deprovisioning.{ender}"))
        register(import_string("tenants.services.sessions.member_sessions_end"))
