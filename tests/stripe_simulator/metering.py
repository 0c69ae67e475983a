"""Meters, the events that they sum, and what they summed."""

from typing import Any

import stripe
from stripe.params import billing as params

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.catalogue import changed
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.routing import Request, readable, route
from tests.stripe_simulator.shapes import Object, listed

OLDEST_SECONDS, NEWEST_SECONDS = 35 * 86_400, 300
_MOST_SUMMED = 10**15

readable("billing.meter", "/v1/billing/meters", params.MeterRetrieveParams, params.MeterListParams, ("status",))


@route("POST", "/v1/billing/meters", params.MeterCreateParams)
def meter_create(request: Request) -> Object:
    """A meter; its events are told by their name, so that two active ones cannot share it."""
    account, given = request.account, request.params
    if any(account.all("billing.meter", event_name=given["event_name"], status="active")):
        raise invalid("There is already an active meter with this `event_name`.", param="event_name")
    mapping = given.get("customer_mapping", {"event_payload_key": "stripe_customer_id", "type": "by_id"})
    return account.make(
        stripe.billing.Meter, display_name=given["display_name"], event_name=given["event_name"],
        default_aggregation=given["default_aggregation"], customer_mapping=mapping, status="active",
        value_settings=given.get("value_settings", {"event_payload_key": "value"}),
        status_transitions={"deactivated_at": None}, updated=account.now(),
    )  # fmt: skip


@route("POST", "/v1/billing/meters/{}", params.MeterUpdateParams)
def meter_update(request: Request) -> Object:
    """Renames it."""
    return changed(request.account, request.account.get("billing.meter", request.ids[0]), request.params)


@route("POST", "/v1/billing/meter_events", params.MeterEventCreateParams)
def meter_event_create(request: Request) -> Object:
    """Counts. Raises Fault for an identifier that was counted, an unknown customer, or a time too far away."""
    account, given = request.account, request.params
    meter = next(account.all("billing.meter", event_name=given["event_name"], status="active"), None)
    if meter is None:
        raise invalid(f"No active meter found for event name {given['event_name']}.", code="no_meter")
    customer = account.named(
        "customer", given["payload"].get(meter["customer_mapping"]["event_payload_key"]), "payload"
    )
    now = account.time_of(customer["id"])
    at = given.get("timestamp", now)
    if not now - OLDEST_SECONDS <= at <= now + NEWEST_SECONDS:
        raise invalid("The timestamp must be within the past 35 days and not in the future.", param="timestamp",
                      code="timestamp_too_far_in_past" if at < now else "timestamp_in_future")  # fmt: skip
    identifier = given.get("identifier") or f"meter_event_{len(account.objects)}"
    if f"meter_event:{identifier}" in account.objects:
        raise invalid(f"An event already exists with identifier {identifier}.", code="duplicate_meter_event")
    event = {
        "object": "billing.meter_event", "created": now, "event_name": given["event_name"], "identifier": identifier,
        "livemode": account.livemode, "payload": given["payload"], "timestamp": at,
    }  # fmt: skip
    account.keep(event | {"id": f"meter_event:{identifier}", "customer": customer["id"], "value": _count(meter, given)})
    return event


def _count(meter: Object, given: dict[str, Any]) -> int:
    key = meter["value_settings"]["event_payload_key"]
    text = given["payload"].get(key, "")
    if not text.isdecimal() or int(text) > _MOST_SUMMED:
        raise invalid(f"The value `{text}` in the payload is not a whole number.", code="meter_event_invalid_value")
    return int(text)


def metered(account: Account, meter: Object, customer: str, since: int, until: int) -> int:
    """What a customer used from `since` on and before `until`."""
    formula = meter["default_aggregation"]["formula"]
    values = [
        event["value"]
        for event in account.all("billing.meter_event", customer=customer, event_name=meter["event_name"])
        if since <= event["timestamp"] < until
    ]
    if formula == "last":
        return values[-1] if values else 0
    return len(values) if formula == "count" else sum(values)


@route("GET", "/v1/billing/meters/{}/event_summaries", params.MeterListEventSummariesParams)
def summaries(request: Request) -> Object:
    """What a customer used: in all, or in each hour or day."""
    account, given = request.account, request.params
    meter = account.get("billing.meter", request.ids[0])
    start, end = given["start_time"], given["end_time"]
    if start % 60 or end % 60 or start >= end:
        raise invalid("Times must be whole minutes, and the end after the start.", param="start_time")
    step = {"hour": 3_600, "day": 86_400}.get(given.get("value_grouping_window", ""), end - start)
    found = [
        account.make(
            stripe.billing.MeterEventSummary, meter=meter["id"], start_time=at, end_time=min(at + step, end),
            aggregated_value=float(metered(account, meter, given["customer"], at, min(at + step, end))),
        )
        for at in range(start, end, step)
    ]  # fmt: skip
    return listed([summary for summary in found if summary["aggregated_value"]][::-1], request.path)
