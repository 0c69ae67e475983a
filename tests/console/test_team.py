"""Members' and invitations' pages."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from tenants.models import Invitation, Membership, Role, User
from tests.conftest import Cast, make_user, unique
from tests.console.conftest import signed_in


def _roles(cast: Cast) -> dict[str, str]:
    with tenant_context(cast.tenant.id):
        return {row.user.email: row.role for row in Membership.objects.select_related("user")}


@pytest.fixture
def invited() -> User:
    """Somebody with an account, and no part in the tenant yet."""
    return make_user("ivy")


@pytest.fixture
def link(alice: Client, base: str, invited: User) -> str:
    """The path of an invitation's link, as the mail brings it."""
    alice.post(f"{base}/team/invite/", {"email": invited.email, "role": "developer"})
    found = re.search(r"https?://[^/]+(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def test_it_lists_members_and_their_roles(cast: Cast, viewer: Client, base: str) -> None:
    page = viewer.get(f"{base}/team/").text
    assert cast.alice.email in page
    assert cast.bob.email in page
    assert "Invite somebody" not in page


def test_an_invitation_makes_a_member(cast: Cast, invited: User, link: str) -> None:
    browser = signed_in(invited)
    assert "Join Acme" in browser.get(link).text
    assert browser.post(link)["Location"] == f"/t/{cast.tenant.slug}/"
    assert _roles(cast)[invited.email] == "developer"


def test_looking_at_an_invitation_does_not_accept_it(cast: Cast, invited: User, link: str) -> None:
    signed_in(invited).get(link)
    assert invited.email not in _roles(cast)


def test_an_invitation_works_once(invited: User, link: str) -> None:
    browser = signed_in(invited)
    browser.post(link)
    assert browser.get(link).status_code == 410
    assert browser.post(link).status_code == 410


def test_an_invitation_brings_the_signed_out_back_after_signing_up(client: Client, invited: User, link: str) -> None:
    page = client.get(link).text
    assert f"/account/signup/?next={link}" in page
    assert f"/account/login/?next={link}" in page
    assert client.post(link).status_code == 200


def test_an_invitation_is_for_its_address_alone(cast: Cast, charlie: Client, invited: User, link: str) -> None:
    for response in (charlie.get(link), charlie.post(link)):
        assert response.status_code == 403
        assert f"It was sent to {invited.email}" in response.text
    assert cast.charlie.email not in _roles(cast)


def test_an_expired_invitation_says_so(cast: Cast, invited: User, link: str) -> None:
    with tenant_context(cast.tenant.id):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = signed_in(invited).post(link)
    assert response.status_code == 410
    assert "expired" in response.text


def test_a_withdrawn_invitation_and_an_unknown_tenant_look_alike(
    cast: Cast, alice: Client, client: Client, base: str, link: str
) -> None:
    with tenant_context(cast.tenant.id):
        invitation = Invitation.objects.get()
    alice.post(f"{base}/team/invitations/{invitation.pk}/withdraw/")
    withdrawn, unknown = client.get(link), client.get(f"/invitations/{unique('nobody')}/token")
    assert (withdrawn.status_code, unknown.status_code) == (410, 410)
    assert withdrawn.text == unknown.text


@pytest.mark.parametrize("typed", [{"email": "no address", "role": "viewer"}, {"email": "a@b.test", "role": "owner"}])
def test_it_rejects_invitations_and_keeps_what_was_typed(
    cast: Cast, alice: Client, base: str, typed: dict[str, str]
) -> None:
    response = alice.post(f"{base}/team/invite/", typed)
    assert response.status_code == 422
    assert f'value="{typed["email"]}"' in response.text
    assert not mail.outbox


def test_it_rejects_inviting_a_member(cast: Cast, alice: Client, base: str) -> None:
    response = alice.post(f"{base}/team/invite/", {"email": cast.bob.email, "role": "viewer"})
    assert response.status_code == 422
    assert "is a member already" in response.text


def test_it_changes_a_role(cast: Cast, alice: Client, base: str) -> None:
    alice.post(f"{base}/team/{cast.bob.pk}/role/", {"role": "viewer"})
    assert _roles(cast)[cast.bob.email] == "viewer"


def test_nobody_makes_an_owner_by_role(cast: Cast, alice: Client, base: str) -> None:
    response = alice.post(f"{base}/team/{cast.bob.pk}/role/", {"role": "owner"}, follow=True)
    assert "Select a valid choice" in response.text
    assert _roles(cast)[cast.bob.email] == "developer"


def test_an_admin_does_not_touch_the_owner(cast: Cast, base: str) -> None:
    admin = signed_in(cast.join("adam", Role.ADMIN))
    admin.post(f"{base}/team/{cast.alice.pk}/role/", {"role": "viewer"})
    admin.post(f"{base}/team/{cast.alice.pk}/remove/")
    assert _roles(cast)[cast.alice.email] == "owner"


def test_it_asks_and_then_removes(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    url = f"{base}/team/{cast.bob.pk}/remove/"
    assert f"Remove {cast.bob.email}" in alice.get(url).text
    alice.post(url)
    assert cast.bob.email not in _roles(cast)
    assert bob.get(f"{base}/").status_code == 404


def test_it_asks_deactivates_and_reactivates(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    url = f"{base}/team/{cast.bob.pk}/deactivate/"
    assert f"Deactivate {cast.bob.email}" in alice.get(url).text
    assert bob.get(f"{base}/").status_code == 200
    assert "Deactivated" in alice.post(url, follow=True).text
    # Nothing else is open to them, so they are signed out; signed in again, they are a stranger.
    assert "/account/login/" in bob.get(f"{base}/")["Location"]
    bob.force_login(cast.bob)
    assert bob.get(f"{base}/").status_code == 404
    assert cast.tenant.name not in bob.get("/t/", follow=True).text
    assert "Deactivated" not in alice.post(f"{base}/team/{cast.bob.pk}/reactivate/", follow=True).text
    bob.force_login(cast.bob)
    assert bob.get(f"{base}/").status_code == 200


def test_a_member_leaves_and_the_owner_cannot(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    assert bob.post(f"{base}/team/leave/")["Location"] == "/t/"
    assert cast.bob.email not in _roles(cast)
    response = alice.post(f"{base}/team/leave/")
    assert response.status_code == 409
    assert _roles(cast)[cast.alice.email] == "owner"


def test_it_transfers_ownership(cast: Cast, alice: Client, base: str) -> None:
    alice.post(f"{base}/team/transfer/", {"member": str(cast.bob.pk)})
    assert _roles(cast) == {cast.alice.email: "admin", cast.bob.email: "owner"}
    assert alice.get(f"{base}/team/transfer/").status_code == 403


def test_it_transfers_to_members_alone(cast: Cast, alice: Client, base: str) -> None:
    for stranger in (cast.charlie.pk, cast.alice.pk, "nobody"):
        assert alice.post(f"{base}/team/transfer/", {"member": str(stranger)}).status_code == 422
    assert _roles(cast)[cast.alice.email] == "owner"


def test_a_developer_manages_nobody(cast: Cast, alice: Client, bob: Client, base: str, link: str) -> None:
    with tenant_context(cast.tenant.id):
        invitation = Invitation.objects.get()
    paths = ["invite/", f"invitations/{invitation.pk}/withdraw/", f"{cast.alice.pk}/role/", f"{cast.alice.pk}/remove/"]
    assert {bob.post(f"{base}/team/{path}").status_code for path in paths} == {403}
    assert bob.post(f"{base}/team/transfer/", {"member": str(cast.bob.pk)}).status_code == 403


def test_it_hides_the_team_from_strangers(cast: Cast, charlie: Client, base: str) -> None:
    assert charlie.get(f"{base}/team/").status_code == 404
    assert charlie.post(f"{base}/team/{cast.bob.pk}/remove/").status_code == 404
    assert charlie.post(f"/t/{cast.elsewhere.slug}/team/{cast.bob.pk}/remove/").status_code == 404
