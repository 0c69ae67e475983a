"""Every table of tenants' rows is in the audit log, or it is written down why not."""

from django.apps import apps
from django.db import connection, models

from core.audited import Audited
from core.rls import TenantIsolation

# What changes by itself, repeats what another table says, or is a history of its own.
REASONS = {
    "audithead": "the log itself",
    "auditevent": "the log itself",
    "cutoff": "follows from what ends a grant, a person or a client",
    "authorizationcode": "a login on its way; what comes of it is a grant",
    "devicecode": "a login on its way; what comes of it is a grant",
    "refreshtoken": "part of a grant, and changed with each use",
    "publishedgate": "made of what is audited",
    "seenassertion": "changes with each login",
    "ssosession": "begins and ends with each login",
    "membersession": "changes with the pages that members open; ending one is noted",
    "login": "a login on its way; what comes of it is a connection",
    "oauthclient": "made by the login that needs it",
    "revocation": "a receipt, kept for itself",
    "deprovision": "a receipt, kept for itself",
    "deprovisionitem": "a receipt, kept for itself",
    "scimuser": "what a provider says; what comes of it is a member, an invitation or nothing",
    "scimrequest": "a history of its own",
    "tokenrefusal": "sums of what workers refused",
    "publishedendpoint": "made of what is audited",
    "endpointversion": "made of what is audited",
    "endedsession": "clients end them",
    "task": "calls that clients made",
    "definition": "thousands at once; what is decided on them is noted as one event",
    "importrun": "a history of its own",
    "watch": "probes change it all the time",
    "healthevent": "a history of its own",
    "alert": "what waits to be told",
    "watchedendpoint": "follows endpoints by itself",
    "uptimeday": "a history of its own",
    "uptimepromise": "follows from entitlements and contracts",
    "checkout": "a page on which somebody may pay; what comes of it is a subscription",
    "invoice": "Stripe's document, and its own history",
    "invoiceline": "part of an invoice",
    "usageevent": "the ledger",
    "usagehour": "the ledger",
    "usagekept": "the ledger",
    "usagealert": "what was told",
    "purchasekey": "who calls for a purchase; the key itself is told of",
    "purchasereport": "sums of the ledger, on their way to Stripe",
    "usagereport": "sums of the ledger, on their way to Stripe",
}


def _tenants_models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models()
        if any(isinstance(constraint, TenantIsolation) for constraint in model._meta.constraints)
    ]


def test_every_table_is_audited_or_says_why_not() -> None:
    silent = {
        model._meta.model_name
        for model in _tenants_models()
        if not any(isinstance(constraint, Audited) for constraint in model._meta.constraints)
    }
    assert silent == REASONS.keys(), "give the model an Audited constraint, or a reason here"


def test_the_triggers_are_there() -> None:
    declared = {
        constraint.name
        for model in _tenants_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, Audited)
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgenabled = 'O' AND NOT tgisinternal")
        assert declared <= {name for (name,) in cursor.fetchall()}
