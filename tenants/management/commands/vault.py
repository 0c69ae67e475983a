"""`armstrong manage vault rotate|destroy TENANT` and `armstrong manage vault rewrap`: the vault's keys."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.crypto import Forged
from core.refusals import Refused
from tenants.vault.keyrings import keys_rewrapped
from tenants.vault.rotation import tenant_key_destroy, tenant_key_rotate


class Command(BaseCommand):
    """Rotates and destroys keys."""

    help = "Rotates or destroys a tenant's key, or rewraps all tenants' keys under a new ARMSTRONG_SECRET_KEY."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and to whom."""
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("rotate", help="seal all of a tenant's secrets with a new key").add_argument("tenant")
        destroy = acts.add_parser("destroy", help="make all of a tenant's secrets unreadable, for ever")
        destroy.add_argument("tenant")
        destroy.add_argument("--yes", action="store_true", required=True, help="there is no way back")
        acts.add_parser("rewrap", help="wrap all tenants' keys with the platform's current key")

    def handle(self, *_arguments: Any, act: str, tenant: str = "", **_options: Any) -> None:
        """Says what became of it."""
        try:
            self.stdout.write(_done(act, tenant))
        except Refused as refused:
            raise CommandError(str(refused)) from None
        except Forged:
            raise CommandError(
                "Something cannot be opened with the present keys; nothing was changed there. Is a former secret "
                "missing in ARMSTRONG_SECRET_KEY_FALLBACKS?"
            ) from None


def _done(act: str, tenant: str) -> str:
    if act == "rotate":
        return f"{tenant}: {tenant_key_rotate(slug=tenant)} values are sealed with a new key"
    if act == "destroy":
        return f"{tenant}: {tenant_key_destroy(slug=tenant)} keys are destroyed"
    return f"{keys_rewrapped()} keys are wrapped with the current secret"
