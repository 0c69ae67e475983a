"""What `armstrong billing` asks of the platform, for whoever may use its machine."""

import argparse
from collections.abc import Callable

import stripe
from django.utils import timezone

from billing.metering.verifying import month_of, usage_verified
from billing.money import shown
from billing.resale.models import ConnectedAccount
from billing.resale.verifying import purchases_verified
from billing.stripe.applying import event_replay
from billing.stripe.catalogue import CatalogueDiffers, catalogue_sync
from billing.stripe.models import EventState, StripeCustomer, StripeEvent
from billing.stripe.reconcile import reconciled
from billing.uptime.crediting import Waiting, credit_note, credits_waiting
from config.problems import Problem
from core.refusals import Refused
from tenants.models import TenantSlug

MOST_LISTED = 200
# What somebody has to look at.
OPEN = (EventState.DEAD, EventState.PARKED, EventState.RECEIVED)

type Outcome = tuple[int, list[str]]


def perform(arguments: argparse.Namespace) -> Outcome:
    """The exit status of an act, and the lines that it prints. Raises Problem."""
    try:
        return _ACTS[arguments.act](arguments)
    except (Refused, CatalogueDiffers) as refused:
        raise Problem(str(refused)) from None
    except stripe.StripeError as error:
        raise Problem(f"Stripe did not do it: {error}") from None


def _sync(_: argparse.Namespace) -> Outcome:
    made = catalogue_sync()
    return 0, [f"made {each}" for each in made] or ["Everything is there."]


def _events(arguments: argparse.Namespace) -> Outcome:
    if arguments.state and arguments.state not in EventState.values:
        raise Problem(f"{arguments.state!r} is no state of an event. There are {', '.join(EventState.values)}.")
    wanted = [arguments.state] if arguments.state else OPEN
    rows = StripeEvent.objects.filter(state__in=wanted).order_by("-received_at")[:MOST_LISTED]
    return 0, [_line(row) for row in rows] or ["There are none."]


def _line(row: StripeEvent) -> str:
    said = row.error.partition("\n")[0]
    return f"{row.received_at:%Y-%m-%d %H:%M:%S}  {row.state:8}  {row.tries}  {row.pk}  {row.type}  {said}".rstrip()


def _replay(arguments: argparse.Namespace) -> Outcome:
    if not event_replay(arguments.event):
        raise Problem(f"There is no event {arguments.event} that means something here.")
    row = StripeEvent.objects.get(pk=arguments.event)
    return int(row.state not in {EventState.APPLIED, EventState.IGNORED}), [_line(row)]


def _verify(arguments: argparse.Namespace) -> Outcome:
    try:
        since, until = month_of(arguments.month or f"{timezone.now():%Y-%m}")
    except ValueError:
        raise Problem(f"{arguments.month!r} is no month. One is written 2026-06.") from None
    slugs = TenantSlug.objects.filter(tenant_id__in=StripeCustomer.objects.values("tenant_id"))
    if arguments.tenant:
        slugs = TenantSlug.objects.filter(slug=arguments.tenant)
        if not slugs:
            raise Problem(f"There is no tenant {arguments.tenant!r}.")
    found = {row.slug: usage_verified(row.tenant_id, since=since, until=until) for row in slugs.order_by("slug")}
    sellers = TenantSlug.objects.filter(tenant_id__in=ConnectedAccount.objects.values("tenant_id"))
    sellers = sellers.filter(slug=arguments.tenant) if arguments.tenant else sellers
    sold = {row.slug: purchases_verified(row.tenant_id, since=since, until=until) for row in sellers.order_by("slug")}
    lines = [f"{slug}: {verified}" for each in (found, sold) for slug, verified in each.items()]
    is_right = all(each.is_right for each in found.values()) and all(each.is_right for each in sold.values())
    return int(not is_right), lines or ["Nobody pays here yet."]


def _credits(arguments: argparse.Namespace) -> Outcome:
    if not arguments.tenant:
        return 0, [_waiting(one) for one in credits_waiting()] or ["Nothing waits."]
    try:
        month = month_of(arguments.month)[0].date()
    except ValueError:
        raise Problem(f"{arguments.month!r} is no month. One is written 2026-06.") from None
    credit_note(slug=arguments.tenant, month=month)
    return 0, [f"{arguments.tenant} was credited for {month:%Y-%m}."]


def _waiting(one: Waiting) -> str:
    how = "at Stripe, soon" if one.has_customer else "by hand: it is no customer at Stripe"
    return f"{one.slug}  {one.month:%Y-%m}  {shown(one.credit_cents, one.currency)}  {how}"


def _reconcile(_: argparse.Namespace) -> Outcome:
    missed = reconciled()
    return 0, [f"{missed} events that no webhook had brought; every customer was looked at."]


_ACTS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "sync": _sync,
    "events": _events,
    "replay": _replay,
    "reconcile": _reconcile,
    "verify": _verify,
    "credits": _credits,
}
