"""Clients that name no endpoint: the person says which is meant."""

import pytest
from django.test import Client

from mcp_runtime.models import Endpoint
from tests.console.oauth.flows import Flow, question_on, returned


@pytest.fixture
def undecided(flow: Flow, elsewhere: Flow) -> Flow:
    """A client of a tenant with two endpoints, which names neither."""
    del elsewhere
    return flow


def _answered(flow: Flow, browser: Client, **said: str) -> dict[str, str]:
    page = flow.asked(browser, resource=None)
    answer = browser.post(f"{flow.base}/consent", {"question": question_on(page), "answer": "allow", **said})
    assert answer.status_code == 200, answer.content
    return returned(answer, flow.redirect_uri)


def test_the_token_is_for_the_endpoint_that_was_chosen(undecided: Flow, elsewhere: Flow, person: Client) -> None:
    page = undecided.asked(person, resource=None).content.decode()
    assert "Choose an endpoint" in page
    assert undecided.resource in page
    back = _answered(undecided, person, resource=elsewhere.resource)
    tokens = undecided.redeem(back["code"], resource=None).json()
    claims = undecided.claims(tokens["access_token"])
    assert claims["aud"] == elsewhere.resource
    assert claims["endpoint"] == str(elsewhere.endpoint.pk)


def test_another_endpoint_cannot_be_had_with_its_code(undecided: Flow, elsewhere: Flow, person: Client) -> None:
    back = _answered(undecided, person, resource=elsewhere.resource)
    assert undecided.redeem(back["code"], resource=undecided.resource).json()["error"] == "invalid_target"


@pytest.mark.parametrize("wrong", ["", "https://elsewhere.example/mcp", "mcp"])
def test_what_is_no_choice_is_not_taken(undecided: Flow, person: Client, wrong: str) -> None:
    page = undecided.asked(person, resource=None)
    said = {"question": question_on(page), "answer": "allow", "resource": wrong}
    assert person.post(f"{undecided.base}/consent", said).status_code == 400


def test_a_choice_cannot_overrule_what_the_client_asked_for(undecided: Flow, elsewhere: Flow, person: Client) -> None:
    page = undecided.asked(person)
    said = {"question": question_on(page), "answer": "allow", "resource": elsewhere.resource}
    back = returned(person.post(f"{undecided.base}/consent", said), undecided.redirect_uri)
    assert undecided.claims(undecided.redeem(back["code"]).json()["access_token"])["aud"] == undecided.resource


def test_who_says_no_need_not_choose(undecided: Flow, person: Client) -> None:
    assert undecided.consented(person, resource=None, answer="deny")["error"] == "access_denied"


def test_a_choice_is_asked_for_each_time(confidential: Flow, elsewhere: Flow, person: Client) -> None:
    _answered(confidential, person, resource=elsewhere.resource)
    assert confidential.asked(person, resource=None).status_code == 200
    assert confidential.asked(person, resource=elsewhere.resource).status_code == 302


def test_where_there_is_one_endpoint_there_is_no_choice(flow: Flow, person: Client, endpoint: Endpoint) -> None:
    assert "Choose an endpoint" not in flow.asked(person, resource=None).content.decode()
    tokens = flow.redeem(_answered(flow, person)["code"], resource=None).json()
    assert flow.claims(tokens["access_token"])["endpoint"] == str(endpoint.pk)


def test_what_is_wrong_with_the_rest_is_said_before_anybody_chooses(undecided: Flow, person: Client) -> None:
    back = returned(undecided.asked(person, resource=None, code_challenge=None), undecided.redirect_uri)
    assert back["error"] == "invalid_request"
