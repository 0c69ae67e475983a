"""The tenant, its members, its invitations and its API keys over REST."""

import uuid

import pytest

from tenants.models import Role
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, make_user, unique
from tests.console.api.conftest import Api, Keys

ABSENT = "00000000-0000-4000-8000-000000000000"


def test_the_key_names_its_tenant(cast: Cast, keys: Keys) -> None:
    answer = keys.viewer.get("/tenant")
    assert answer.status == 200
    assert (answer.body["id"], answer.body["slug"], answer.body["name"]) == (
        str(cast.tenant.id),
        cast.tenant.slug,
        "Acme",
    )


def test_a_rename_changes_what_it_names(cast: Cast, keys: Keys) -> None:
    assert keys.admin.patch("/tenant", name="New").body["slug"] == cast.tenant.slug
    slug = unique("new")
    renamed = keys.admin.patch("/tenant", slug=slug).body
    assert (renamed["name"], renamed["slug"]) == ("New", slug)
    assert keys.admin.patch("/tenant").body == renamed


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"slug": "No"}, ["slug"]),
        ({"plan": "unlimited"}, ["plan"]),
        ({"id": ABSENT, "delete_after": None}, ["delete_after", "id"]),
    ],
)
def test_a_bad_rename_is_refused_by_field(keys: Keys, body: dict[str, object], fields: list[str]) -> None:
    assert keys.owner.patch("/tenant", **body).fields == fields


def test_a_slug_in_use_is_a_conflict(cast: Cast, keys: Keys) -> None:
    answer = keys.owner.patch("/tenant", slug=cast.elsewhere.slug)
    assert (answer.status, answer.code) == (409, "conflict")


def test_a_deletion_is_taken_back(keys: Keys) -> None:
    deleted = keys.owner.post("/tenant/delete")
    assert deleted.status == 200
    assert deleted.body["delete_after"] is not None
    assert keys.owner.post("/tenant/restore").body["delete_after"] is None


def test_a_transfer_makes_the_successor_the_owner_and_ends_this_key(cast: Cast, keys: Keys) -> None:
    assert keys.owner.post("/tenant/transfer", user_id=str(cast.bob.pk)).status == 200
    assert cast.acting(cast.bob).role == Role.OWNER
    assert cast.acting(cast.alice).role == Role.ADMIN
    assert keys.owner.get("/tenant").code == "invalid_credentials"


def test_a_tenant_goes_to_no_stranger(cast: Cast, keys: Keys) -> None:
    for user_id in (str(cast.charlie.pk), str(cast.alice.pk), ABSENT, "me"):
        assert keys.owner.post("/tenant/transfer", user_id=user_id).fields == ["user_id"]


def test_the_plan_tells_its_limits_and_their_use(keys: Keys, endpoint: str) -> None:
    plan = keys.viewer.get("/plan").body
    assert (plan["name"], plan["endpoints"], plan["endpoints_used"]) == ("developer", 10, 1)


def test_members_are_listed_shown_changed_and_removed(cast: Cast, keys: Keys) -> None:
    listed = keys.viewer.get("/members").body
    assert [(row["email"], row["role"]) for row in listed["items"]] == [
        (cast.alice.email, "owner"),
        (cast.bob.email, "developer"),
    ]
    path = f"/members/{cast.bob.pk}"
    assert keys.viewer.get(path).body == listed["items"][1]
    assert keys.admin.patch(path, role="viewer").body["role"] == "viewer"
    assert keys.admin.delete(path).status == 204
    assert keys.admin.delete(path).code == "not_found"
    assert keys.admin.get(path).code == "not_found"


def test_a_member_is_deactivated_and_comes_back(cast: Cast, keys: Keys) -> None:
    path = f"/members/{cast.bob.pk}"
    assert keys.admin.post(f"{path}/deactivate").body["deactivated_at"] is not None
    assert keys.viewer.get(path).body["deactivated_at"] is not None
    assert keys.developer.post(f"{path}/reactivate").code == "permission_denied"
    assert keys.admin.post(f"{path}/reactivate").body["deactivated_at"] is None
    assert keys.admin.post(f"/members/{cast.alice.pk}/deactivate").code == "conflict"


def test_the_owner_is_neither_changed_nor_removed(cast: Cast, keys: Keys) -> None:
    path = f"/members/{cast.alice.pk}"
    assert keys.admin.patch(path, role="viewer").code == "conflict"
    assert keys.owner.delete(path).code == "conflict"
    assert keys.owner.patch(f"/members/{cast.bob.pk}", role="owner").fields == ["role"]
    assert keys.admin.patch(f"/members/{cast.bob.pk}", role="owner").code == "permission_denied"


def test_lists_are_paged_in_a_stable_order(cast: Cast, keys: Keys) -> None:
    for number in range(3):
        cast.join(f"member{number}", Role.VIEWER)
    whole = keys.viewer.get("/members").body
    assert (whole["total"], whole["limit"], whole["offset"]) == (5, 50, 0)
    pages = [keys.viewer.get(f"/members?limit=2&offset={offset}").body["items"] for offset in (0, 2, 4, 6)]
    assert [row for page in pages for row in page] == whole["items"]
    assert pages[3] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=" + "9" * 30])
def test_the_size_of_a_page_is_bounded(keys: Keys, query: str) -> None:
    assert keys.viewer.get(f"/members?{query}").fields == ["limit"]


@pytest.mark.parametrize("query", ["offset=-1", "offset=x", "offset=99999999999999999999", "offset=%00"])
def test_the_offset_of_a_page_is_bounded(keys: Keys, query: str) -> None:
    assert keys.viewer.get(f"/members?{query}").fields == ["offset"]


def test_invitations_are_sent_listed_and_withdrawn(keys: Keys, mailoutbox: list[object]) -> None:
    email = f"{unique('dora')}@example.com"
    made = keys.admin.post("/invitations", email=email.upper(), role="viewer")
    assert (made.status, made.body["email"], made.body["role"]) == (201, email, "viewer")
    assert "token" not in str(made.body)
    assert len(mailoutbox) == 1
    path = f"/invitations/{made.body['id']}"
    assert keys.admin.get(path).body == made.body
    assert keys.admin.get("/invitations").body["items"] == [made.body]
    assert keys.admin.delete(path).status == 204
    assert keys.admin.delete(path).code == "not_found"
    assert keys.admin.get(path).code == "not_found"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"email": "nobody", "role": "viewer"}, ["email"]),
        ({"email": "a@example.com", "role": "owner"}, ["role"]),
        ({"email": "a@example.com", "role": "god"}, ["role"]),
        ({"email": "a@example.com"}, ["role"]),
        ({"email": ["a@example.com"], "role": 1}, ["email", "role"]),
        ({"email": "a@example.com", "role": "viewer", "expires_at": None}, ["expires_at"]),
    ],
)
def test_a_bad_invitation_is_refused_by_field(keys: Keys, body: dict[str, object], fields: list[str]) -> None:
    assert keys.owner.post("/invitations", **body).fields == fields


def test_api_keys_are_made_shown_once_and_revoked(keys: Keys) -> None:
    made = keys.admin.post("/api-keys", name="deploy", role="developer", expires_at="2027-01-01T00:00:00+01:00")
    assert (made.status, made.body["role"], made.body["expires_at"]) == (201, "developer", "2026-12-31T23:00:00Z")
    secret = made.body.pop("secret")
    assert Api(secret).get("/tenant").status == 200
    path = f"/api-keys/{made.body['id']}"
    shown = keys.admin.get(path)
    assert shown.body | {"last_used_at": None} == made.body
    assert secret not in str(keys.admin.get("/api-keys").body)
    assert keys.admin.delete(path).status == 204
    assert keys.admin.delete(path).code == "not_found"
    assert keys.admin.get(path).code == "not_found"
    assert Api(secret).get("/tenant").code == "invalid_credentials"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "", "role": "viewer"}, ["name"]),
        ({"name": "x" * 81, "role": "viewer"}, ["name"]),
        ({"name": "k", "role": "god"}, ["role"]),
        ({"name": "k", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"name": "k", "role": "viewer", "expires_at": "2027-01-01T00:00:00"}, ["expires_at"]),
        ({"name": "k", "role": "viewer", "expires_at": "tomorrow"}, ["expires_at"]),
        ({"name": "k", "role": "viewer", "secret": "mine"}, ["secret"]),
    ],
)
def test_a_bad_api_key_is_refused_by_field(keys: Keys, body: dict[str, object], fields: list[str]) -> None:
    assert keys.owner.post("/api-keys", **body).fields == fields


def test_a_key_makes_no_key_above_itself(keys: Keys) -> None:
    assert keys.admin.post("/api-keys", name="k", role="owner").code == "permission_denied"
    assert keys.developer.post("/api-keys", name="k", role="viewer").code == "permission_denied"


def test_a_key_may_revoke_itself(keys: Keys) -> None:
    mine = next(row for row in keys.admin.get("/api-keys").body["items"] if keys.admin.key.startswith(row["prefix"]))
    assert keys.admin.delete(f"/api-keys/{mine['id']}").status == 204
    assert keys.admin.get("/tenant").status == 401


@pytest.mark.parametrize("path", ["/api-keys", f"/api-keys/{ABSENT}", "/invitations", f"/invitations/{ABSENT}"])
def test_what_no_page_shows_to_a_role_no_operation_does(keys: Keys, path: str) -> None:
    assert keys.viewer.get(path).code == "permission_denied"
    assert keys.developer.get(path).code == "permission_denied"
    assert keys.admin.get(path).status in (200, 404)


WRITES = [
    ("PATCH", "/tenant", "admin"),
    ("POST", "/tenant/delete", "owner"),
    ("POST", "/tenant/restore", "owner"),
    ("POST", "/tenant/transfer", "owner"),
    ("PATCH", f"/members/{ABSENT}", "admin"),
    ("DELETE", f"/members/{ABSENT}", "admin"),
    ("POST", f"/members/{ABSENT}/deactivate", "admin"),
    ("POST", f"/members/{ABSENT}/reactivate", "admin"),
    ("POST", "/invitations", "admin"),
    ("DELETE", f"/invitations/{ABSENT}", "admin"),
    ("POST", "/api-keys", "admin"),
    ("DELETE", f"/api-keys/{ABSENT}", "admin"),
]
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/tenant/transfer"): {"user_id": ABSENT},
    ("PATCH", f"/members/{ABSENT}"): {"role": "viewer"},
    ("POST", "/invitations"): {"email": "nobody", "role": "viewer"},
    ("POST", "/api-keys"): {"name": "", "role": "viewer"},
}
LADDER = ["viewer", "developer", "admin", "owner"]


@pytest.mark.parametrize(("method", "path", "least"), WRITES)
def test_each_write_needs_its_role(keys: Keys, method: str, path: str, least: str) -> None:
    for role in LADDER:
        client = keys.of(role)
        body = BODIES.get((method, path), {})
        answer = client.delete(path) if method == "DELETE" else getattr(client, method.lower())(path, **body)
        denied = answer.status == 403 and answer.code == "permission_denied"
        assert denied is (LADDER.index(role) < LADDER.index(least)), (role, answer.body)


@pytest.mark.parametrize("path", ["/tenant", "/plan", "/members", "/endpoints", "/sources"])
def test_every_role_reads(keys: Keys, path: str) -> None:
    assert {keys.of(role).get(path).status for role in LADDER} == {200}


def test_a_strangers_ids_are_not_found(cast: Cast, keys: Keys) -> None:
    invitation = keys.stranger.post("/invitations", email=f"{unique('x')}@example.com", role="viewer").body["id"]
    api_key = keys.stranger.get("/api-keys").body["items"][0]["id"]
    for path in (f"/members/{cast.charlie.pk}", f"/invitations/{invitation}", f"/api-keys/{api_key}"):
        assert keys.owner.get(path).code == "not_found"
        assert keys.owner.delete(path).code == "not_found"
        assert keys.stranger.get(path).status == 200
    assert keys.owner.patch(f"/members/{cast.charlie.pk}", role="viewer").code == "not_found"


def test_lists_hold_nothing_of_another_tenant(cast: Cast, keys: Keys) -> None:
    tenant_create(owner=make_user("eve"), name="Third", slug=unique("third"))
    assert [row["email"] for row in keys.stranger.get("/members").body["items"]] == [cast.charlie.email]
    assert len(keys.stranger.get("/api-keys").body["items"]) == 1


def test_an_id_is_read_in_one_spelling(cast: Cast, keys: Keys) -> None:
    assert keys.owner.get(f"/members/{str(cast.bob.pk).upper()}").code == "not_found"
    assert keys.owner.get(f"/members/{cast.bob.pk.hex}").code == "not_found"
    assert keys.owner.get(f"/members/{uuid.uuid4()}").code == "not_found"
