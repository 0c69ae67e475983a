"""What people do with their accounts, noted in the log of each tenant that they are a member of.

Loaded when the app is ready, so that its receivers are there.
"""

from functools import partial
from typing import Any

from allauth.account.signals import password_changed, password_reset, user_logged_in
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver

from core.acting import act_as
from core.tenancy import tenant_context
from tenants.access import memberships_of
from tenants.audit.recording import audit_note
from tenants.models import User


@receiver(user_logged_in)
def _signed_in(user: User, **_rest: Any) -> None:
    _note(user, "session.began")


@receiver(user_logged_out)
def _signed_out(user: User | None, **_rest: Any) -> None:
    # The signal comes for sessions of nobody, too.
    if user is not None:
        _note(user, "session.ended")


@receiver(password_changed)
def _password_changed(user: User, **_rest: Any) -> None:
    _note(user, "password.changed")


@receiver(password_reset)
def _password_reset(user: User, **_rest: Any) -> None:
    _note(user, "password.reset")


@receiver(authenticator_added)
def _authenticator_added(user: User, authenticator: Any, **_rest: Any) -> None:
    _note(user, "authenticator.added", authenticator)


@receiver(authenticator_removed)
def _authenticator_removed(user: User, authenticator: Any, **_rest: Any) -> None:
    _note(user, "authenticator.removed", authenticator)


@receiver(authenticator_reset)
def _authenticator_reset(user: User, authenticator: Any, **_rest: Any) -> None:
    _note(user, "authenticator.reset", authenticator)


def _note(user: User, action: str, authenticator: Any = None) -> None:
    """Outside of whatever transaction this was done in, and only if it stands."""
    kind = action.partition(".")[0]
    changes = [("type", None, str(authenticator.type))] if authenticator is not None else []
    note = partial(audit_note, action=action, kind=kind, target=user.pk, name=user.email, changes=changes)
    transaction.on_commit(partial(_in_each_tenant, user, note))


def _in_each_tenant(user: User, note: partial[None]) -> None:
    act_as("member", user.pk, user.email)
    for membership in memberships_of(user):
        with tenant_context(membership.tenant_id):
            note()
