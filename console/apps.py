"""Tells Django of this app."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Console."""

    name = "console"
