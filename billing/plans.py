"""The tiers, as data. A limit of None means unlimited."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tier allows. `connections` are HTTP exchanges open at one moment; prices are US cents a month.

    `requests_per_second` is sustained; ten seconds' worth may come at once.
    `usage_days` is how long each call is kept; sums by the hour are kept as long as the tenant.
    """

    name: str
    title: str
    monthly_price_cents: int | None
    connections: int | None
    requests_per_second: int | None
    endpoints: int | None
    tools_per_endpoint: int
    support: str
    usage_days: int


PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("developer", "Developer", 0, 1_000, 100, 10, 100, "Community", 7),
        Plan("professional", "Professional", 499_00, 50_000, 2_000, 100, 500, "E-mail", 30),
        Plan("enterprise", "Enterprise", 2_999_00, 500_000, 20_000, 1_000, 1_000, "24/7 with an SLA", 365),
        Plan("unlimited", "Unlimited", None, None, None, None, 2_000, "24/7 with an SLA", 365),
    )
}


def plan_of(name: str) -> Plan:
    """The plan that a tenant's `plan` names; raises KeyError for a name that was never sold."""
    return PLANS[name]
