"""What events of the audit log can be about."""

from django.apps import apps

from core.audited import Audited

# What is noted beside the changes of rows.
NOTED = frozenset({"access", "audit", "authenticator", "consent", "definition", "password", "session"})


def audit_kinds() -> list[str]:
    """Every kind that an event's target may be of, in order."""
    constraints = (constraint for model in apps.get_models() for constraint in model._meta.constraints)
    return sorted({constraint.noun for constraint in constraints if isinstance(constraint, Audited)} | NOTED)
