"""Tickets: in which order the things of a customer were fetched, so that what is older never overwrites.

Stripe's objects have no version, and events neither arrive in their order nor say it: `created` counts whole seconds.
A ticket is drawn, and committed, before a fetch begins. Each change leads to an event that arrives after it, and so
to a fetch that has a ticket from after it; hence the fetch with the highest ticket has seen the last change.
"""

from uuid import UUID

from django.db import connection, models

from billing.stripe.models import StripeCustomer

_TAKE = 'UPDATE "{table}" SET ticket = ticket + 1 WHERE tenant_id = %s RETURNING ticket'


def ticket_take(tenant_id: UUID, *, of: type[models.Model] = StripeCustomer) -> int:
    """The next ticket of a tenant's customer, or of another row `of` it. Outside of any transaction, since others have
    to see it at once. 0, which is older than everything, where there is no such row any more."""
    assert not connection.in_atomic_block  # noqa: S101  a defect: the ticket would be drawn again
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=of._meta.db_table), [tenant_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
