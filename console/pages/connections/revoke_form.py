"""What is to be revoked in one act, as far as the actor may."""

from typing import Any

from django import forms

from console.forms import ServiceForm
from tenants.access import Actor, Permission
from tenants.models import Connection, Revocation
from tenants.vault.revocations import revoke_all_at_provider, revoke_all_of_tenant, revoke_all_of_user

TENANT = "tenant"


class RevokeForm(ServiceForm):
    """A choice between everything, each provider, and each member who connected something."""

    what = forms.ChoiceField(label="Revoke", widget=forms.RadioSelect)

    def __init__(self, actor: Actor, connections: list[Connection], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor = actor
        what = self.fields["what"]
        if isinstance(what, forms.ChoiceField):
            what.choices = [*_whole(actor, connections), *_members(actor, connections)]

    def revoked(self) -> list[Revocation]:
        """Does what was chosen; raises what the services raise."""
        kind, _, name = str(self.cleaned_data["what"]).partition(" ")
        if kind == "provider":
            return revoke_all_at_provider(actor=self._actor, issuer=name)
        if kind == "member":
            return revoke_all_of_user(actor=self._actor, user_id=forms.UUIDField().clean(name))
        return revoke_all_of_tenant(actor=self._actor)


def _whole(actor: Actor, connections: list[Connection]) -> list[tuple[str, str]]:
    if not actor.may(Permission.MANAGE_TENANT):
        return []
    issuers = sorted({connection.client.issuer for connection in connections})
    return [
        (TENANT, f"Everything of {actor.tenant.name}"),
        *((f"provider {name}", f"Everything at {name}") for name in issuers),
    ]


def _members(actor: Actor, connections: list[Connection]) -> list[tuple[str, str]]:
    users = {connection.user.pk: connection.user for connection in connections if connection.user is not None}
    own = actor.user is not None and actor.user.pk
    return [
        (f"member {user.pk}", "Everything of mine" if user.pk == own else f"Everything of {user.get_full_name()}")
        for user in sorted(users.values(), key=lambda user: user.email)
    ]
