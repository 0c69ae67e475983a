"""A running platform that is paid by the stand-in: its database, its jobs, its tenants and what they bought."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import stripe
from celery import Celery

from tests.processes import eventually
from tests.running_platform import Platform

# The one who was killed comes back, and what it held is let go.
KILLED_SECONDS = 90.0
_TENANTS = """
import json
from tenants.models import User
from tenants.services.tenants import tenant_create
owner = User.objects.create_user("{name}@example.com", name="Owner")
print(json.dumps([str(tenant_create(owner=owner, name="Payer", slug=f"{name}-{{n}}").id) for n in range({count})]))
"""
_CALL = """
    INSERT INTO billing_usageevent (tenant_id, at, boot, sequence, endpoint_id, principal, method, name, revision,
        outcome, billable, microseconds, bytes_in, bytes_out, request_id)
    VALUES (%s, %s, %s, %s, %s, 'key:1', 'tools/call', 'echo', '2026-07-28', 'ok', true, 1, 1, 1, %s)
"""
_DUE = "INSERT INTO billing_usagedue (tenant_id, hour, boot, sequence) VALUES (%s, %s, %s, %s)"
# What has to be done is due now, whoever holds it: as if the time had passed after which it is let go.
_DUE_NOW = (
    "UPDATE billing_stripeevent SET next_try = now() WHERE state IN ('received', 'parked')",
    "UPDATE billing_usagereportdue SET due_at = now()",
)
_TASKS = ("billing.usage_sum", "billing.sweep_stripe_events", "billing.send_usage")


@dataclass(frozen=True)
class Paying:
    """The platform, and what it runs with."""

    platform: Platform

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        found: dict[str, str] = json.loads((self.platform.state / "environment.json").read_text())
        return found

    @property
    def client(self) -> stripe.StripeClient:
        """The stand-in's API, as the platform itself asks it."""
        told = self.environment
        return stripe.StripeClient(
            told["STRIPE_API_KEY"], base_addresses={"api": told["STRIPE_API_URL"]}, max_network_retries=2
        )

    @contextmanager
    def database(self, tenant: str = "") -> Iterator[psycopg.Connection[Any]]:
        """The platform's database, in the context of a tenant."""
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            if tenant:
                connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            yield connection

    def one(self, statement: str, tenant: str = "", *arguments: object) -> Any:
        """The first column of the first row."""
        with self.database(tenant) as connection:
            row = connection.execute(statement, arguments).fetchone()
        assert row
        return row[0]

    def demo(self) -> str:
        """The demo's tenant."""
        slug = self.platform.facts["tenant"]
        return str(self.one("SELECT tenant_id FROM tenants_tenantslug WHERE slug = %s", "", slug))

    def tenants(self, count: int) -> list[str]:
        """Some more tenants, by what the platform itself runs."""
        command = _TENANTS.format(name=f"payer-{uuid4().hex[:8]}", count=count)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "django", "shell", "--verbosity", "0", "--command", command],
            env=self.platform.environment | self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: list[str] = json.loads(done.stdout)
        return found

    def plan(self, tenant: str) -> str:
        """What the tenant is entitled to."""
        return str(self.one("SELECT plan_id FROM billing_entitlement", tenant))

    def waiting(self) -> int:
        """How many events were stored and are not applied yet."""
        return int(self.one("SELECT count(*) FROM billing_stripeevent WHERE state IN ('received', 'parked')"))

    def customer(self, tenant: str, **more: Any) -> str:
        """The tenant's customer, made where there is none."""
        labels = {"armstrong_tenant": tenant}
        listed = self.client.v1.customers.list({"limit": 100}).data
        known = [each.id for each in listed if each.metadata and each.metadata.to_dict() == labels]
        asked: Any = {"metadata": labels, **more}
        return known[0] if known else self.client.v1.customers.create(asked).id

    def subscribe(self, customer: str, plan: str = "professional-1-month") -> stripe.Subscription:
        """A subscription to a plan and its calls, paid by a card that is good."""
        api, keys = self.client.v1, [plan, f"{plan}-overage"]
        method = api.payment_methods.attach("pm_card_visa", {"customer": customer})
        prices = {price.lookup_key: price.id for price in api.prices.list({"lookup_keys": keys}).data}
        asked: Any = {"customer": customer, "items": [{"price": prices[key]} for key in keys]}
        return api.subscriptions.create(asked | {"default_payment_method": method.id})

    def call(self, tenant: str, at: datetime, calls: int) -> None:
        """So many calls in the ledger, as a worker's shipper puts them there."""
        boot, hour = uuid4().int >> 65, at.replace(minute=0, second=0, microsecond=0)
        with self.database(tenant) as connection:
            connection.execute("SELECT billing_usage_partition_ensure(%s)", [at.date()])
            for number in range(1, calls + 1):
                connection.execute(_CALL, [tenant, at, boot, number, uuid4(), str(number)])
            connection.execute(_DUE, [tenant, hour, boot, calls])

    def hurry(self) -> None:
        """Has the jobs do now what they would do within minutes."""
        with self.database() as connection:
            for statement in _DUE_NOW:
                connection.execute(statement)
        with Celery(broker=self.environment["REDIS_URL"]) as app:
            for task in _TASKS:
                app.send_task(task)

    def await_done(self, look: Any) -> None:
        """Waits until it is so, hurrying the jobs once a second."""
        hurried = 0.0

        def is_done() -> bool:
            nonlocal hurried
            if time.monotonic() - hurried > 1:
                self.hurry()
                hurried = time.monotonic()
            return bool(look())

        eventually(is_done, KILLED_SECONDS)

    def kill(self, name: str) -> None:
        """Kills a process of the platform's, and waits until there is another."""
        former = self.platform.children()[name]["pid"]
        os.kill(former, signal.SIGKILL)
        eventually(lambda: self.platform.children()[name].get("pid", former) != former, KILLED_SECONDS)

    @contextmanager
    def killing(self, name: str, chance: random.Random) -> Iterator[None]:
        """Kills a process at some moment of what is done meanwhile; it is back afterwards."""
        thread = threading.Timer(chance.uniform(0.0, 0.5), self.kill, [name])
        thread.start()
        try:
            yield
        finally:
            thread.join(KILLED_SECONDS)


def hour_before(now: datetime, hours: int) -> datetime:
    """The beginning of an hour."""
    return datetime.fromtimestamp((int(now.timestamp()) // 3_600 - hours) * 3_600, UTC)
