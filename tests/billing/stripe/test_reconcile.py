"""What no webhook told is found all the same, and what is deleted is paid for no more."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.stripe.models import EventState, StripeCustomer, StripeEvent
from billing.stripe.reconcile import customer_reconcile, customers_reconcile, events_list
from core.tenancy import tenant_context
from tenants.models import Tenant
from tenants.services.tenants import tenant_delete
from tests.billing.stripe.paying import Shop


@pytest.fixture
def deaf(shop: Shop) -> Shop:
    """A platform whose webhooks are all lost."""
    shop.simulator.told("webhooks", drop=1.0)
    shop.listen()
    shop.buy()
    return shop


def test_events_that_were_lost_are_listed(deaf: Shop) -> None:
    events = {event.id for event in deaf.events()}
    assert not StripeEvent.objects.filter(pk__in=events).exists()
    assert events_list() == len(events)
    deaf.work()
    assert deaf.has() == ("professional-1", "active", 50_000)
    assert events_list() == 0
    assert set(StripeEvent.objects.filter(pk__in=events).values_list("state", flat=True)) == {EventState.APPLIED}


def test_listing_goes_on_where_it_ended(deaf: Shop) -> None:
    events_list()
    asked = [each["path"] for each in deaf.simulator.told("requests") if each["path"] == "/v1/events"]
    assert asked
    deaf.client.v1.subscriptions.cancel(deaf.subscription_at_stripe().id)
    assert events_list() == 1
    deaf.work()
    assert deaf.has() == ("developer-1", "free", 1_000)


def test_customers_are_looked_at_whatever_the_events_said(deaf: Shop) -> None:
    customer_reconcile(deaf.tenant.id)
    assert deaf.has() == ("professional-1", "active", 50_000)
    deaf.client.v1.subscriptions.cancel(deaf.subscription_at_stripe().id)
    customer_reconcile(deaf.tenant.id)
    assert deaf.has() == ("developer-1", "free", 1_000)


def test_each_customer_has_its_turn(deaf: Shop) -> None:
    later = timezone.now() + timedelta(hours=1)
    StripeCustomer.objects.exclude(pk=deaf.tenant.id).update(reconciled_at=later)
    assert customers_reconcile() == 1
    assert deaf.has() == ("professional-1", "active", 50_000)
    assert customers_reconcile(0.0) == 0


def test_a_tenant_that_is_being_deleted_pays_for_no_further_period(deaf: Shop) -> None:
    with tenant_context(deaf.tenant.id):
        tenant_delete(actor=deaf.cast.acting_inside(deaf.cast.alice, deaf.tenant))
    customer_reconcile(deaf.tenant.id)
    assert deaf.subscription_at_stripe().cancel_at_period_end
    assert deaf.has() == ("professional-1", "active", 50_000)


def test_a_tenant_that_is_gone_pays_for_nothing(deaf: Shop) -> None:
    customer_reconcile(deaf.tenant.id)
    with tenant_context(deaf.tenant.id):
        Tenant.objects.get().delete()
    customer_reconcile(deaf.tenant.id)
    assert deaf.subscription_at_stripe().status == "canceled"
    events_list()
    deaf.work()
    errors = StripeEvent.objects.filter(pk__in=[event.id for event in deaf.events()]).values_list("state", "error")
    assert set(errors) == {(EventState.IGNORED, "The tenant is gone.")}
    assert StripeCustomer.objects.filter(pk=deaf.tenant.id, reconciled_at__lte=timezone.now()).count() == 0
