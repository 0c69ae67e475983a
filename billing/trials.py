"""Trials: once for each tenant, without a card, what the plan that is tried gives for a time."""

from datetime import timedelta

from django.utils import timezone

from billing.entitlements import entitlement_held, entitlement_settle
from billing.plans.models import Entitlement, Standing
from billing.plans.selling import plan_on_sale
from core import refusals
from core.refusals import Refused
from tenants.access import Actor, Permission

TRIED = "professional"
TRIAL = timedelta(days=14)


def may_try(held: Entitlement) -> bool:
    """Whether a tenant with this entitlement could begin a trial: it had none, and has Developer for nothing."""
    return held.trialed_at is None and held.standing == Standing.FREE


def trial_start(*, actor: Actor) -> Entitlement:
    """Gives the tenant what Professional gives for 14 days, and Developer again afterwards, unless a plan is bought.

    Runs inside the tenant's context. Raises Refused: PERMISSION_DENIED, NOT_FOUND; CONFLICT where there was a trial
    already, or a plan is paid for.
    """
    actor.require(Permission.MANAGE_BILLING)
    held = entitlement_held(actor.tenant.id)
    if not may_try(held):
        raise Refused(refusals.CONFLICT, "A trial begins once, on the Developer plan.")
    held.trialed_at = timezone.now()
    held.trial_plan, held.trial_until = plan_on_sale(TRIED), held.trialed_at + TRIAL
    entitlement_settle(held)
    return held
