"""A ticket opens one endpoint for one member for one minute, and nothing else."""

import pytest

from core import tickets
from core.tickets import TicketRefused


def _ticket() -> str:
    return tickets.mint(tenant_id="t", endpoint_id="e", user_id="alice")


def test_a_ticket_names_its_member() -> None:
    assert tickets.redeem(_ticket(), tenant_id="t", endpoint_id="e").user_id == "alice"


@pytest.mark.parametrize(("tenant", "endpoint"), [("other", "e"), ("t", "other")])
def test_a_ticket_for_another_endpoint_is_refused(tenant: str, endpoint: str) -> None:
    with pytest.raises(TicketRefused):
        tickets.redeem(_ticket(), tenant_id=tenant, endpoint_id=endpoint)


def test_an_expired_ticket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "LIFETIME_SECONDS", -1)
    with pytest.raises(TicketRefused):
        tickets.redeem(_ticket(), tenant_id="t", endpoint_id="e")


@pytest.mark.parametrize("forged", ["", "amt_", "amt_x.y", "amt_e30.e30", "amt_\ud800.x", "amk_something"])
def test_a_forged_ticket_is_refused(forged: str) -> None:
    with pytest.raises(TicketRefused):
        tickets.redeem(forged, tenant_id="t", endpoint_id="e")


def test_an_altered_ticket_is_refused() -> None:
    body, _, tag = _ticket().partition(".")
    with pytest.raises(TicketRefused):
        tickets.redeem(f"{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{tag}", tenant_id="t", endpoint_id="e")
