"""The board's WebSocket: it says that something changed, and the page asks for what as it always does.

So nothing of a tenant's travels here, and what a member may see is decided in one place.
"""

from typing import Any

from asgiref.sync import async_to_sync
from channels.generic.websocket import JsonWebsocketConsumer
from django.http import HttpRequest

from console.client_addresses import address_behind_proxies
from console.entry import demanded_of
from core.refusals import Refused
from mcp_runtime.services.telling import board_group
from tenants.access import Actor, Permission, actor_for
from tenants.services.networks import require_console_address
from tenants.sso.sessions import named_in, stands

# Application codes (RFC 6455 section 7.4.2), after the HTTP statuses that say the same.
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404


class BoardConsumer(JsonWebsocketConsumer):
    """One open board of a member."""

    group = ""

    def connect(self) -> None:
        """Lets members in; others are closed with the reason."""
        self.accept()  # type: ignore[no-untyped-call]  # Channels has no types
        actor = self._actor()
        if actor is not None:
            self.group = board_group(actor.tenant.id)
            async_to_sync(self.channel_layer.group_add)(self.group, self.channel_name)
            # Whatever happened until now may have been missed.
            self._say("changed")

    def disconnect(self, _code: int) -> None:
        """Hears no more."""
        if self.group:
            async_to_sync(self.channel_layer.group_discard)(self.group, self.channel_name)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Whatever a page says is a question whether somebody is still there."""
        self._say("here")

    def board_changed(self, _message: dict[str, Any]) -> None:
        """Passes on that something changed, to whoever may still see it."""
        if self._actor() is not None:
            self._say("changed")

    def _actor(self) -> Actor | None:
        """Who this is in the tenant that the address names; closes the connection where they are nobody."""
        user = self.scope["user"]
        if not user.is_authenticated:
            self._refuse(NOT_SIGNED_IN)
            return None
        try:
            actor = actor_for(user, self.scope["url_route"]["kwargs"]["tenant"])
            actor.require(Permission.VIEW)
            require_console_address(actor.tenant, _client_address(self.scope))
        except Refused:
            self._refuse(NOT_FOUND)
            return None
        if not self._may_enter(actor):
            self._refuse(NOT_SIGNED_IN)
            return None
        return actor

    def _may_enter(self, actor: Actor) -> bool:
        """Whether the session is still what the tenant asks of its members': no middleware of pages looks at this."""
        request = HttpRequest()
        request.session = self.scope["session"]
        # What the connection began with; whether it has ended since, only the store can tell.
        standing = request.session.exists(request.session.session_key or "")
        standing = standing and all(stands(*named) for named in named_in(request.session).items())
        return standing and demanded_of(request, actor) is None

    def _say(self, kind: str) -> None:
        self.send_json({"kind": kind})  # type: ignore[no-untyped-call]  # Channels has no types

    def _refuse(self, code: int) -> None:
        self.close(code)  # type: ignore[no-untyped-call]  # Channels has no types


def _client_address(scope: Any) -> str:
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return address_behind_proxies(scope["client"][0] if scope.get("client") else "", ",".join(told))
