"""What would lift a refusal at a limit of a plan, and what a plan lacks, as people read it."""

from dataclasses import dataclass
from uuid import UUID

from billing.entitlements import IN_WORDS, Answer, Right, entitlement_of, may
from billing.plans.models import PlanVersion
from billing.plans.selling import plans_on_sale
from core.refusals import Refused


@dataclass(frozen=True, slots=True)
class Lift:
    """The cheapest plan on sale that would allow it, by name, and what it allows: `Professional allows 100`."""

    plan: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that the plan does not give; `lift` is None where no plan on sale does."""

    sentence: str
    lift: Lift | None


def lift_of(refused: Refused) -> Lift | None:
    """What lifts a refusal; None where it is not a plan's, or no plan on sale lifts it."""
    plan = _on_sale(refused.data.get("lifted_by"))
    if plan is None:
        return None
    if "right" in refused.data:
        return _including(plan)
    allowed: int | None = getattr(plan, refused.data["limit"])
    amount = "as many as you like" if allowed is None else f"{allowed:,}"
    return Lift(plan.name, f"{plan.title} allows {amount}")


def lack_of(tenant_id: UUID, right: Right) -> Lack | None:
    """That a tenant has not a right, told before anything is refused; None where it has.

    Runs inside the tenant's context. Raises Refused(NOT_FOUND).
    """
    answer = may(tenant_id, right)
    return None if answer else _lack(tenant_id, answer)


def _lack(tenant_id: UUID, answer: Answer) -> Lack:
    words = IN_WORDS[answer.right]
    sentence = f"{words[0].upper()}{words[1:]}: not in {entitlement_of(tenant_id).title}"
    plan = _on_sale(answer.lifted_by)
    return Lack(sentence, _including(plan) if plan is not None else None)


def _including(plan: PlanVersion) -> Lift:
    return Lift(plan.name, f"{plan.title} includes it")


def _on_sale(name: str | None) -> PlanVersion | None:
    return next((plan for plan in plans_on_sale() if plan.name == name), None) if name else None
