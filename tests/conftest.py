"""The cast and the stage of every test: Alice owns a tenant, Bob is on her team, Charlie is a stranger.

Tests commit for real and clean nothing up: each makes tenants of its own, and tenants do not see each other.
"""

import functools
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from config.celery import app as jobs
from core.tenancy import tenant_context
from tenants.access import Actor, actor_for
from tenants.models import Membership, Role, Tenant, User
from tenants.services.tenants import tenant_create
from tenants.sso.saml import config as saml
from tenants.sso.saml.keys import KeyPair, new_key_pair
from tests.entitled import entitle, entitle_outside

_numbers = itertools.count(1)
# Of the cast's tenants, beside what Developer gives: what a plan sells a second is less than a test that waits for
# something asks, and what has tests of its own is refused to no other's.
TERMS: dict[str, Any] = {
    "requests_per_second": 1_000_000,
    "members": None,
    "sso": True,
    "scim": True,
    "audit_export": True,
}
# What services ask for goes to the run's own Valkey.
jobs.set_default()
# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database is real and open to every test (see tests/servers.py)."""
    with django_db_blocker.unblock():
        yield


@functools.cache
def _key_pair(number: int) -> KeyPair:
    return new_key_pair()


@pytest.fixture(scope="session", autouse=True)
def _what_shall_be_costly_is_cheap() -> Iterator[None]:
    """An RSA key takes a third of a second: four take turns, so that neighbours differ. Argon2 takes 100 MiB."""
    turns = itertools.cycle(range(4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saml, "new_key_pair", lambda: _key_pair(next(turns)))
        patch.setattr(Argon2PasswordHasher, "memory_cost", 8)
        patch.setattr(Argon2PasswordHasher, "parallelism", 1)
        patch.setattr(Argon2PasswordHasher, "time_cost", 1)
        yield


def unique(word: str) -> str:
    """A name nobody else in this run uses."""
    return f"{word}-{uuid.uuid4().hex[:8]}-{next(_numbers)}"


def make_user(name: str) -> User:
    """A person with a mailbox of their own."""
    return User.objects.create_user(f"{unique(name)}@example.com", name=name.capitalize())


@dataclass(frozen=True)
class Cast:
    """Alice owns `tenant`, Bob is a developer in it, Charlie owns `elsewhere` and is nobody here."""

    tenant: Tenant
    elsewhere: Tenant
    alice: User
    bob: User
    charlie: User

    def acting(self, user: User, tenant: Tenant | None = None) -> Actor:
        """The actor that `user` is in `tenant` (the cast's by default)."""
        return actor_for(user, (tenant or self.tenant).slug)

    @staticmethod
    def acting_inside(user: User, tenant: Tenant) -> Actor:
        """The same, for a test that is inside the tenant's context already."""
        return Actor(tenant=tenant, role=Membership.objects.get(user=user).role, user=user)

    def join(self, name: str, role: Role) -> User:
        """A further member of the tenant, with `role`."""
        user = make_user(name)
        with tenant_context(self.tenant.id):
            Membership.objects.create(tenant=self.tenant, user=user, role=role)
        return user


def make_cast() -> Cast:
    """A fresh tenant and its people."""
    alice, bob, charlie = make_user("alice"), make_user("bob"), make_user("charlie")
    tenant = tenant_create(owner=alice, name="Acme", slug=unique("acme"))
    elsewhere = tenant_create(owner=charlie, name="Elsewhere", slug=unique("elsewhere"))
    with tenant_context(tenant.id):
        Membership.objects.create(tenant=tenant, user=bob, role=Role.DEVELOPER)
        entitle(tenant.id, **TERMS)
    entitle_outside(elsewhere.id, **TERMS)
    return Cast(tenant=tenant, elsewhere=elsewhere, alice=alice, bob=bob, charlie=charlie)


@pytest.fixture
def cast() -> Cast:
    """A fresh tenant and its people."""
    return make_cast()
