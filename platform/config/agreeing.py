"""The acts of `armstrong billing` on plans and contracts: what was typed, as what services take."""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from billing.contracts import Agreed, contract_agree, contract_end
from billing.entitlements import Limit, contract_in_force, entitlement_of
from billing.plans.models import Contract, Entitlement, PlanVersion
from billing.plans.selling import plan_on_sale, plans_on_sale
from config.cli.billing import LIMITS
from config.problems import Problem, suggestion
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for

NONE = "none"


def perform(arguments: argparse.Namespace) -> tuple[int, list[str]]:
    """The exit status, and the lines that are printed. Raises Problem."""
    try:
        return 0, _ACTS[arguments.act](arguments)
    except Refused as refused:
        raise Problem(str(refused)) from None


def _plans(_arguments: argparse.Namespace) -> list[str]:
    sold = {plan.pk for plan in plans_on_sale()}
    return [_plan_line(plan, is_sold=plan.pk in sold) for plan in PlanVersion.objects.order_by("name", "version")]


def _plan_line(plan: PlanVersion, *, is_sold: bool) -> str:
    price = "by agreement" if plan.monthly_price_cents is None else f"{_amount(plan.monthly_price_cents)} a month"
    sale = "on sale" if is_sold else "not on sale"
    return f"{plan.pk}: {plan.title}, {price}, {_number(plan.connections)} connections, {sale}"


def _contract(arguments: argparse.Namespace) -> list[str]:
    if arguments.end:
        contract_end(slug=arguments.tenant)
    elif _says_something(arguments):
        contract_agree(slug=arguments.tenant, agreed=_agreed(arguments))
    return list(_shown(arguments.tenant))


def _says_something(arguments: argparse.Namespace) -> bool:
    names = (*LIMITS, "plan", "price", "overage", "until")
    return arguments.by_hand or arguments.note or any(getattr(arguments, name) is not None for name in names)


def _agreed(arguments: argparse.Namespace) -> Agreed:
    typed = {name: getattr(arguments, name) for name in LIMITS}
    price = arguments.price and _decimal("--price", arguments.price) * 100
    if price and price != int(price):
        raise Problem("--price has two decimals at most.")
    return Agreed(
        plan=_plan(arguments.plan) if arguments.plan is not None else None,
        limits={Limit(name): _limit(name, text) for name, text in typed.items() if text is not None},
        price_cents=int(price) if price is not None else None,
        overage_millicents=_decimal("--overage", arguments.overage) if arguments.overage is not None else None,
        is_invoiced_by_hand=arguments.by_hand,
        notes=arguments.note,
        ends_at=_after(arguments.until) if arguments.until is not None else None,
    )


def _plan(name: str) -> PlanVersion:
    try:
        return plan_on_sale(name)
    except Refused:
        hint = suggestion(name, [plan.name for plan in plans_on_sale()])
        raise Problem(f"No plan {name!r} is on sale. {hint}") from None


def _limit(name: str, text: str) -> int | None:
    if text == NONE:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Problem(f"--{name.replace('_', '-')}: {text!r} is neither a number nor `{NONE}`.")
    return int(text)


def _decimal(flag: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise Problem(f"{flag}: {text!r} is no amount.")
    return value


def _after(day: str) -> datetime:
    """The moment at which the day is over."""
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        raise Problem(f"--until: {day!r} is no day, such as 2027-12-31.") from None


def _shown(slug: str) -> Iterator[str]:
    tenant_id = tenant_id_for(slug)
    with tenant_context(tenant_id):
        held, contract = entitlement_of(tenant_id), contract_in_force(tenant_id)
    yield _held_line(slug, held)
    if contract is None:
        yield "No contract is in force."
    else:
        yield from _contract_lines(contract)


def _held_line(slug: str, held: Entitlement) -> str:
    until = f" until {held.until:%Y-%m-%d %H:%M} UTC" if held.until else ""
    return f"{slug}: {held.plan_id}, {held.standing}{until}, {_number(held.connections)} connections"


def _contract_lines(contract: Contract) -> Iterator[str]:
    end = f"until {contract.ends_at:%Y-%m-%d %H:%M} UTC" if contract.ends_at else "without an end"
    yield f"A contract from {contract.starts_at:%Y-%m-%d %H:%M} UTC {end}"
    for name, value in sorted(contract.limits.items()):
        yield f"  {name}: {_number(value)}"
    if contract.price_cents is not None:
        yield f"  price: {_amount(contract.price_cents)} a month"
    if contract.overage_millicents is not None:
        yield f"  overage: {contract.overage_millicents.normalize():f} millicents a call"
    if contract.is_invoiced_by_hand:
        yield "  invoiced by hand"
    if contract.notes:
        yield f"  note: {contract.notes}"


def _amount(cents: int) -> str:
    return f"{Decimal(cents) / 100:,.2f}"


def _number(value: int | None) -> str:
    return "unlimited" if value is None else f"{value:,}"


_ACTS: dict[str, Callable[[argparse.Namespace], list[str]]] = {"plans": _plans, "contract": _contract}
