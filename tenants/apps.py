"""Tells Django of this app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """People and tenants."""

    name = "tenants"
