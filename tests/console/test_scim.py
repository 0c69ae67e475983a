"""SCIM as identity providers speak it: who gets in, and what happens to members."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from tenants.models import (
    Cause,
    Deprovision,
    Group,
    Invitation,
    Membership,
    Role,
    ScimConnection,
    ScimRequest,
    ScimToken,
    ScimUser,
    User,
)
from tenants.scim.connections import group_take_role, scim_connection_create, scim_token_issue
from tenants.selectors import member_of
from tenants.services.members import invitation_accept
from tests.conftest import Cast, make_user, unique
from tests.tenants.test_members import _token as token_in

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class Provider:
    """An identity provider with a token of one connection."""

    connection: ScimConnection
    secret: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What the console answers."""
        content = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else (body or b"")
        return Client().generic(
            method,
            f"/scim/v2/{self.connection.pk}{path}",
            content,
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {self.secret}", **headers},
        )

    def user(self, email: str, **more: Any) -> str:
        """Makes a user; its id."""
        told = {"schemas": [USER], "userName": email, "active": True, **more}
        answer = self.send("POST", "/Users", told)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def group(self, name: str, *members: str) -> str:
        """Makes a group; its id."""
        told = {"schemas": [GROUP], "displayName": name, "members": [{"value": member} for member in members]}
        answer = self.send("POST", "/Groups", told)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> Any:
        """Sends operations to a resource."""
        return self.send("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


def provider_of(cast: Cast, user: User | None = None, name: str = "Entra", role: str = Role.VIEWER) -> Provider:
    """A connection with a token, in the cast's tenant."""
    tenant = cast.tenant if user is None else cast.elsewhere
    actor = cast.acting(user or cast.alice, tenant)
    with tenant_context(tenant.id):
        connection = scim_connection_create(actor=actor, name=name, default_role=role)
        _, secret = scim_token_issue(actor=actor, connection_id=connection.pk)
    return Provider(connection, secret)


@pytest.fixture
def provider(cast: Cast) -> Provider:
    """An identity provider of Alice's tenant."""
    return provider_of(cast)


def _member(cast: Cast, user: User) -> Membership | None:
    with tenant_context(cast.tenant.id):
        return Membership.objects.filter(user=user).first()


def _causes(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        return list(Deprovision.objects.order_by("at").values_list("cause", flat=True))


def test_a_member_is_recognised_and_deactivated_and_comes_back(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email)
    assert provider.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False}).status_code == 204
    assert _member(cast, cast.bob).deactivated_at is not None  # type: ignore[union-attr]
    assert _causes(cast) == [Cause.SCIM_DEACTIVATED]
    assert provider.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": True}).status_code == 204
    found = _member(cast, cast.bob)
    assert found is not None
    assert (found.deactivated_at, found.role) == (None, Role.DEVELOPER)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "value": {"active": "False"}},
        {"op": "add", "path": "active", "value": False},
        {"op": "replace", "path": f"{USER}:active", "value": False},
        {"op": "replace", "path": "ACTIVE", "value": False},
    ],
    ids=["entra", "okta", "entra without a path", "add", "whole path", "upper case"],
)
def test_every_form_of_deactivation_is_understood(cast: Cast, provider: Provider, operation: dict[str, Any]) -> None:
    user_id = provider.user(cast.bob.email)
    answer = provider.patch(f"/Users/{user_id}", operation)
    assert answer.status_code == 204, answer.content
    assert _member(cast, cast.bob).deactivated_at is not None  # type: ignore[union-attr]


def test_a_replacement_deactivates_too(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email)
    told = {"schemas": [USER], "userName": cast.bob.email, "active": False}
    assert provider.send("PUT", f"/Users/{user_id}", told).status_code == 200
    assert _member(cast, cast.bob).deactivated_at is not None  # type: ignore[union-attr]


def test_deletion_removes_the_member_and_recreation_makes_a_new_one(
    cast: Cast, provider: Provider, mailoutbox: list[Any]
) -> None:
    first = provider.user(cast.bob.email)
    assert provider.send("DELETE", f"/Users/{first}").status_code == 204
    assert _member(cast, cast.bob) is None
    assert _causes(cast) == [Cause.SCIM_DELETED]
    second = provider.user(cast.bob.email)
    assert second != first
    # No longer a member: they are asked, and not taken back.
    assert _member(cast, cast.bob) is None
    invitation_accept(user=cast.bob, slug=cast.tenant.slug, token=token_in(mailoutbox, cast.bob.email))
    with tenant_context(cast.tenant.id):
        assert ScimUser.objects.get(pk=second).membership == member_of(cast.bob.pk)


def test_the_owner_is_neither_deactivated_nor_deleted(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.alice.email)
    for answer in (
        provider.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False}),
        provider.send("DELETE", f"/Users/{user_id}"),
    ):
        assert answer.status_code == 403
        assert "transferred" in answer.json()["detail"]
    assert provider.send("GET", f"/Users/{user_id}").json()["active"] is True
    assert cast.acting(cast.alice).role == Role.OWNER


def test_an_account_of_somebody_else_is_invited_and_not_taken(cast: Cast, provider: Provider) -> None:
    provider.user(cast.charlie.email, name={"givenName": "Renamed"})
    assert _member(cast, cast.charlie) is None
    cast.charlie.refresh_from_db()
    assert cast.charlie.name == "Charlie"
    assert mail.outbox[-1].to == [cast.charlie.email]


def test_who_accepts_an_invitation_is_linked_and_can_be_deactivated(
    cast: Cast, provider: Provider, mailoutbox: list[Any]
) -> None:
    dora = make_user("dora")
    user_id = provider.user(dora.email)
    invitation_accept(user=dora, slug=cast.tenant.slug, token=token_in(mailoutbox, dora.email))
    provider.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False})
    assert _member(cast, dora).deactivated_at is not None  # type: ignore[union-attr]


def test_an_invitation_is_withdrawn_with_its_person(cast: Cast, provider: Provider) -> None:
    address = f"{unique('eve')}@example.com"
    user_id = provider.user(address)
    provider.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False})
    with tenant_context(cast.tenant.id):
        assert not Invitation.objects.filter(email=address).exists()


def test_two_users_never_speak_for_one_member(cast: Cast, provider: Provider) -> None:
    provider.user(cast.bob.email)
    told = {"schemas": [USER], "userName": "other", "emails": [{"value": cast.bob.email}]}
    answer = provider.send("POST", "/Users", told)
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_groups_give_roles_and_take_them(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email)
    group_id = provider.group("Administrators")
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        group_take_role(actor=actor, connection_id=provider.connection.pk, group_id=group_id, role=Role.ADMIN)  # type: ignore[arg-type]
    path = f"/Groups/{group_id}"
    assert provider.patch(path, {"op": "add", "path": "members", "value": [{"value": user_id}]}).status_code == 204
    assert cast.acting(cast.bob).role == Role.ADMIN
    removal = {"op": "remove", "path": f'members[value eq "{user_id}"]'}
    assert provider.patch(path, removal).status_code == 204
    assert cast.acting(cast.bob).role == Role.VIEWER


def test_entra_removes_members_by_value(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email)
    group_id = provider.group("Engineers", user_id)
    provider.patch(f"/Groups/{group_id}", {"op": "Remove", "path": "members", "value": [{"value": user_id}]})
    assert "members" not in provider.send("GET", f"/Groups/{group_id}").json()


def test_a_group_that_takes_a_mapped_name_takes_no_role(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email)
    mapped = provider.group("Administrators")
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        group_take_role(actor=actor, connection_id=provider.connection.pk, group_id=mapped, role=Role.ADMIN)  # type: ignore[arg-type]
    staff = provider.group("Staff", user_id)
    renamed = provider.patch(f"/Groups/{staff}", {"op": "replace", "path": "displayName", "value": "Administrators"})
    assert renamed.status_code == 409
    assert provider.send("DELETE", f"/Groups/{mapped}").status_code == 204
    provider.patch(f"/Groups/{staff}", {"op": "replace", "path": "displayName", "value": "Administrators"})
    assert cast.acting(cast.bob).role != Role.ADMIN


def test_a_group_holds_users_of_its_connection_alone(cast: Cast, provider: Provider) -> None:
    theirs = provider_of(cast, name="Okta").user(f"{unique('eve')}@example.com")
    for value in (theirs, str(cast.bob.pk), "nobody", "\0"):
        answer = provider.send(
            "POST", "/Groups", {"schemas": [GROUP], "displayName": unique("g"), "members": [{"value": value}]}
        )
        assert answer.status_code == 400
    with tenant_context(cast.tenant.id):
        assert not Group.objects.exists()


def test_entra_adds_an_address_that_its_filter_does_not_find(provider: Provider) -> None:
    user_id = provider.user("no.address")
    operation = {"op": "Add", "path": 'emails[type eq "work"].value', "value": f"{unique('w')}@example.com"}
    assert provider.patch(f"/Users/{user_id}", operation).status_code == 204
    assert provider.send("GET", f"/Users/{user_id}").json()["emails"][0]["type"] == "work"


@pytest.mark.parametrize(
    "filter_text",
    [
        'userName eq "x" or 1 eq 1 --',
        "userName eq \"' OR ''='\"",
        'userName sw "%"',
        'emails[value eq "\' UNION SELECT"]',
        "((((((((((",
        'userName eq "\\u0000"',
        'id eq "\\u0000"',
        'externalId eq "\\u0000" or displayName eq "x"',
        'meta.created gt "yesterday"',
        "not (" * 400 + "active pr" + ")" * 400,
        'password eq "secret"',
    ],
)
def test_a_filter_injects_nothing(cast: Cast, provider: Provider, filter_text: str) -> None:
    provider.user(cast.bob.email)
    answer = provider.send("POST", "/Users/.search", {"filter": filter_text})
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert answer.json()["totalResults"] == 0


def test_what_providers_look_for_is_found(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(cast.bob.email, externalId="X-1", emails=[{"value": cast.bob.email, "type": "work"}])
    group_id = provider.group("Engineers", user_id)
    for kind, text, expected in (
        ("Users", f'userName eq "{cast.bob.email.upper()}"', user_id),
        ("Users", 'externalId eq "X-1"', user_id),
        ("Users", f'emails[type eq "work" and value eq "{cast.bob.email}"]', user_id),
        ("Users", f'emails.value eq "{cast.bob.email}" and active eq true', user_id),
        ("Groups", 'displayName eq "engineers"', group_id),
        ("Groups", f'id eq "{group_id}" and members eq "{user_id}"', group_id),
        ("Groups", f'members[value eq "{user_id}"]', group_id),
    ):
        answer = provider.send("POST", f"/{kind}/.search", {"filter": text}).json()
        assert [found["id"] for found in answer.get("Resources", [])] == [expected], text
    assert provider.send("POST", "/Users/.search", {"filter": 'externalId eq "x-1"'}).json()["totalResults"] == 0


def test_a_token_opens_its_own_connection_alone(cast: Cast, provider: Provider) -> None:
    theirs = provider_of(cast, user=cast.charlie)
    other = provider_of(cast, name="Okta")
    user_id = provider.user(cast.bob.email)
    for secret in (theirs.secret, other.secret, "", "asc_", f"{provider.secret}x", provider.secret.upper()):
        stranger = Provider(provider.connection, secret)
        answer = stranger.send("GET", f"/Users/{user_id}")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="SCIM"')
    assert other.send("GET", f"/Users/{user_id}").status_code == 404
    assert theirs.send("GET", "/Users").json()["totalResults"] == 0


@pytest.mark.parametrize("path", ["", "nobody/Users", "nobody", "00000000-0000-4000-8000-00000000000G/Users", "%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_an_address_that_is_no_connections_is_refused_in_scims_words(path: str, method: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, f"/scim/v2/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/scim+json")
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json()["status"] == "404"


def test_an_expired_and_a_revoked_token_are_refused(cast: Cast, provider: Provider) -> None:
    with tenant_context(cast.tenant.id):
        ScimToken.objects.update(expires_at=timezone.now())
    assert provider.send("GET", "/Users").status_code == 401
    with tenant_context(cast.tenant.id):
        ScimToken.objects.all().delete()
    assert provider.send("GET", "/Users").status_code == 401


def test_a_tenant_that_is_being_deleted_is_not_provisioned(cast: Cast, provider: Provider) -> None:
    with tenant_context(cast.tenant.id):
        cast.tenant.delete_after = timezone.now()
        cast.tenant.save()
    assert provider.send("GET", "/Users").status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"schemas": []}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b'{"schemas": ["%s"], "userName": "\\u0000"}' % USER.encode(), 400),
        (b'{"schemas": ["%s"], "userName": "\\ud800"}' % USER.encode(), 400),
        (b'{"schemas": ["%s"], "userName": "%s"}' % (USER.encode(), b"x" * 300), 400),
        (b'{"schemas": ["%s"], "userName": 1e400}' % USER.encode(), 400),
        (b"x" * 1_100_000, 413),
        (json.dumps({"schemas": [USER], "userName": "x", "title": "t" * 70_000}).encode(), 400),
    ],
    ids=range(13),
)
def test_a_body_that_is_none_is_refused(provider: Provider, body: bytes, status: int) -> None:
    answer = provider.send("POST", "/Users", body)
    assert answer.status_code == status, answer.content[:300]
    assert answer["Content-Type"] == "application/scim+json"


def test_a_password_is_not_kept(cast: Cast, provider: Provider) -> None:
    user_id = provider.user(f"{unique('eve')}@example.com", password="secret-of-eve")
    with tenant_context(cast.tenant.id):
        assert "secret-of-eve" not in json.dumps(ScimUser.objects.get(pk=user_id).document)


def test_one_failing_operation_of_many_undoes_itself_alone(cast: Cast, provider: Provider) -> None:
    owner, bob = provider.user(cast.alice.email), provider.user(cast.bob.email)
    operations = [{"method": "DELETE", "path": f"/Users/{one}"} for one in (owner, bob)]
    answer = provider.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations}).json()
    assert [one["status"] for one in answer["Operations"]] == ["403", "204"]
    assert _member(cast, cast.bob) is None
    assert _member(cast, cast.alice) is not None


def test_an_outdated_version_is_refused(provider: Provider) -> None:
    user_id = provider.user(f"{unique('eve')}@example.com")
    tag = provider.send("GET", f"/Users/{user_id}")["ETag"]
    provider.patch(f"/Users/{user_id}", {"op": "add", "path": "title", "value": "Boss"})
    told = {"schemas": [USER], "userName": "late"}
    assert provider.send("PUT", f"/Users/{user_id}", told, **{"If-Match": tag}).status_code == 412


def test_pages_follow_a_cursor_that_is_good_for_its_connection(cast: Cast, provider: Provider) -> None:
    wanted = {provider.user(f"{unique('eve')}@example.com") for _ in range(3)}
    first = provider.send("GET", "/Users?cursor=&count=2").json()
    rest = provider.send("GET", f"/Users?cursor={first['nextCursor']}&count=2").json()
    assert {found["id"] for found in first["Resources"] + rest["Resources"]} == wanted
    other = provider_of(cast, name="Okta")
    assert other.send("GET", f"/Users?cursor={first['nextCursor']}&count=2").status_code == 400


def test_requests_are_logged_without_what_they_say(cast: Cast, provider: Provider) -> None:
    provider.send("GET", '/Users?filter=userName eq "eve@example.com"')
    provider.send("GET", "/Users/nobody")
    with tenant_context(cast.tenant.id):
        logged = list(ScimRequest.objects.order_by("at").values_list("method", "path", "status"))
        assert logged == [("GET", "/Users", 200), ("GET", "/Users/nobody", 404)]


def test_too_many_requests_are_told_to_wait(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.scim.serving.REQUESTS_PER_SECOND", 1)
    answers = [provider.send("GET", "/Users") for _ in range(3)]
    assert 429 in {answer.status_code for answer in answers}
    assert all(answer["Retry-After"] for answer in answers if answer.status_code == 429)
