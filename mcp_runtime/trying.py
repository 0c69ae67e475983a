"""Trying a token of a trusted issuer: the checks that a worker makes, and the first that says no, in words."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from mcp_runtime.authorization.people import PEOPLE, people_of, wanted_people
from tenants.authorization.publishing import trusted_of
from tenants.authorization.trusted import TokenRefused, keys_of, principal_name, said_by
from tenants.models import TrustedIssuer, User


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a token. `check` is what failed, empty where nothing did; `who` would come in."""

    check: str
    sentence: str
    who: str = ""
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def token_tried(issuer: TrustedIssuer, token: str, is_address: Callable[[str], bool]) -> Tried:
    """What a worker would make of a token now; nothing of it is kept. Inside the tenant's context.

    `is_address` tells whether a URL is one of the tenant's endpoints'.
    """
    trusted = trusted_of(issuer)
    try:
        said = said_by(token.strip(), trusted, keys_of(trusted.keys), is_address=is_address, now=time.time())
    except TokenRefused as refused:
        return Tried(refused.check, str(refused))
    who = principal_name(said)
    if said.lookup:
        with connection.cursor() as cursor:
            cursor.execute(PEOPLE, wanted_people(str(issuer.tenant_id)))
            person = people_of(cursor.fetchall()).get(said.lookup)
        if person is None:
            return Tried("member", f"No active member is known by {said.lookup.partition(':')[2]}.")
        who = User.objects.values_list("email", flat=True).get(pk=person[0])
    return Tried("", "This token is good here.", who, tuple(sorted(said.scopes)), tuple(sorted(said.groups)))
