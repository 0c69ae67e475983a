"""What things of ours are called at Stripe: metadata by which an object is known again, and keys of prices."""

from enum import StrEnum

import stripe
from stripe.billing_portal import Configuration

# In the metadata of prices.
PLAN, INTERVAL, USAGE = "armstrong_plan", "armstrong_interval", "armstrong_usage"
# In the metadata of customers.
TENANT = "armstrong_tenant"
# In the metadata of the portal's configuration.
PORTAL = "armstrong_portal"
METER_EVENT = "armstrong_calls"


def labels(found: stripe.Price | stripe.Customer | stripe.CustomerBalanceTransaction | Configuration) -> dict[str, str]:
    """The metadata of an object, as the mapping that it is."""
    return found.metadata.to_dict() if found.metadata else {}


class Interval(StrEnum):
    """How often a subscription is paid, in Stripe's words."""

    MONTH = "month"
    YEAR = "year"

    @property
    def months(self) -> int:
        """How many months it is."""
        return 12 if self is Interval.YEAR else 1


class Usage(StrEnum):
    """What a price is for: the plan itself, or calls beyond those that it includes."""

    BASE = "base"
    OVERAGE = "overage"


def lookup_key(plan_id: str, interval: Interval, usage: Usage) -> str:
    """The key under which a price is found: `professional-1-month`, `professional-1-month-overage`."""
    return f"{plan_id}-{interval}" if usage is Usage.BASE else f"{plan_id}-{interval}-{usage}"
