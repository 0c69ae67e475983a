"""What a person types about members."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from tenants.access import PERMISSIONS, Actor
from tenants.models import Membership, Role

ROLE_MEANINGS = {
    Role.ADMIN: "Admin: everything but transfer and deletion",
    Role.DEVELOPER: "Developer: endpoints, tools and access keys",
    Role.VIEWER: "Viewer: looks, changes nothing",
}


def grantable_roles(actor: Actor) -> list[tuple[str, str]]:
    """The roles that the actor may give to others; ownership goes by transfer alone."""
    own = PERMISSIONS[actor.role]
    return [(role.value, meaning) for role, meaning in ROLE_MEANINGS.items() if PERMISSIONS[role] <= own]


class RoleForm(ServiceForm):
    """A member's role."""

    role = forms.ChoiceField()

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        if isinstance(role, forms.ChoiceField):
            role.choices = grantable_roles(actor)


class InvitationForm(RoleForm):
    """An address, and the role it is asked to take."""

    email = forms.EmailField(label="E-mail address", max_length=254)
    field_order = ("email", "role")


class TransferForm(ServiceForm):
    """The member who becomes the owner, and the tenant's address typed to confirm."""

    member = forms.ChoiceField(label="New owner")

    def __init__(self, candidates: list[Membership], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["member"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [(str(row.user_id), row.user.email) for row in candidates]
