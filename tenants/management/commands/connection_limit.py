"""`armstrong manage connection_limit TENANT LIMIT`: agrees on a number of connections with one tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.refusals import Refused
from tenants.services.limits import connection_limit_set


class Command(BaseCommand):
    """Sets or removes the limit."""

    help = "Lets a tenant hold LIMIT connections open instead of what its plan allows; `plan` goes back to the plan."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The tenant's slug, and the limit."""
        parser.add_argument("tenant")
        parser.add_argument("limit", help="a number, or `plan`")

    def handle(self, *_arguments: Any, tenant: str, limit: str, **_options: Any) -> None:
        """Says what became of it."""
        try:
            connection_limit_set(slug=tenant, limit=None if limit == "plan" else int(limit))
        except ValueError:
            raise CommandError(f"{limit!r} is neither a number nor `plan`.") from None
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{tenant}: {limit} connections")
