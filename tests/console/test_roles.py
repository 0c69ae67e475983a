"""The page of roles says what the table of permissions says."""

from django.test import Client

from console.pages.team.roles import WORDS
from tenants.access import PERMISSIONS, Permission


def test_every_permission_has_a_row_and_every_role_a_column(viewer: Client, base: str) -> None:
    answer = viewer.get(f"{base}/team/roles/")
    assert answer.status_code == 200
    roles = [role for role, _label in answer.context["columns"]]
    assert set(roles) == PERMISSIONS.keys()
    shown = dict(answer.context["rows"])
    assert WORDS.keys() == set(Permission)
    for permission, words in WORDS.items():
        assert shown[words] == [permission in PERMISSIONS[role] for role in roles]


def test_strangers_see_none(charlie: Client, base: str) -> None:
    assert charlie.get(f"{base}/team/roles/").status_code == 404
