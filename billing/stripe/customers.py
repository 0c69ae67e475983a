"""Customers: each tenant is one at Stripe, from the first time that it wants to pay."""

from uuid import UUID

import stripe
from django.utils import timezone

from billing.stripe.catalogue_names import TENANT, labels
from billing.stripe.client import is_gone, stripe_client
from billing.stripe.models import EventState, StripeCustomer, StripeEvent
from tenants.models import TenantSlug


def tenant_of(customer: str) -> UUID | None:
    """Which tenant a customer is, as far as is known here."""
    return StripeCustomer.objects.filter(stripe_id=customer).values_list("tenant_id", flat=True).first()


def customer_known(tenant_id: UUID) -> str:
    """The customer that a tenant is; empty for one that never wanted to pay."""
    return StripeCustomer.objects.filter(pk=tenant_id).values_list("stripe_id", flat=True).first() or ""


def customer_ensure(*, tenant_id: UUID, name: str, email: str) -> str:
    """The customer that a tenant is, made at Stripe if there is none. Outside of transactions; passes Stripe's errors.

    It is made by the tenant's id alone, so that whoever repeats this gets the same one; what it is called is set after.
    """
    if known := customer_known(tenant_id):
        return known
    client = stripe_client()
    made = client.v1.customers.create(
        {"metadata": {TENANT: str(tenant_id)}}, {"idempotency_key": f"customer-{tenant_id}"}
    )
    client.v1.customers.update(made.id, {"name": name, "email": email})
    return customer_link(tenant_id=tenant_id, customer=made.id)


def customer_link(*, tenant_id: UUID, customer: str) -> str:
    """Says which customer a tenant is, if nothing is known of either; has what was parked for it be applied.

    Returns the customer that the tenant is now.
    """
    StripeCustomer.objects.bulk_create([StripeCustomer(tenant_id=tenant_id, stripe_id=customer)], ignore_conflicts=True)
    parked = StripeEvent.objects.filter(customer=customer, state=EventState.PARKED)
    parked.update(next_try=timezone.now())
    return customer_known(tenant_id)


def customer_adopt(customer: str) -> UUID | None:
    """The tenant of a customer that we made and forgot, being killed in between: its metadata says whose it is."""
    try:
        found = stripe_client().v1.customers.retrieve(customer)
    except stripe.InvalidRequestError as error:
        if is_gone(error):
            return None
        raise
    tenant_id = None if getattr(found, "deleted", False) else _named(found)
    if tenant_id is not None:
        customer_link(tenant_id=tenant_id, customer=customer)
    return tenant_of(customer)


def _named(found: stripe.Customer) -> UUID | None:
    try:
        tenant_id = UUID(labels(found).get(TENANT, ""))
    except ValueError:
        return None
    return tenant_id if TenantSlug.objects.filter(tenant_id=tenant_id).exists() else None
