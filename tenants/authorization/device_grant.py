"""The device grant (RFC 8628): where a device gets its codes, and where it asks whether somebody has answered."""

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from django.conf import settings
from django.utils import timezone

from core import keys
from tenants.authorization import device_codes, grants, refreshing, resources
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.authorization.grant_types import DEVICE
from tenants.models import ClientGrant, DeviceCode, User

DEVICE_AUTHORIZATION = DeviceAuthorizationEndpoint.ENDPOINT_NAME
PAGE = "device"

type Answered = tuple[int, dict[str, Any], list[tuple[str, str]]]


def verification_uri() -> str:
    """Where people type codes: one page for all tenants, since somebody reads it off a device and types it."""
    return f"{settings.CONSOLE_URL}/{PAGE}"


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """Authlib's endpoint over our rows (RFC 8628 section 3.1)."""

    def create_endpoint_response(self, request: Asked) -> Answered:
        """Codes for a client that may use them. Raises OAuth2Error."""
        client: KnownClient = self.authenticate_client(request)
        if not client.check_grant_type(DEVICE):
            raise UnauthorizedClientError("This client may not use the device grant.")
        scope = client.get_allowed_scope(request.payload.scope)
        if not scope:
            raise InvalidScopeError("There are none of these scopes here.")
        found = resources.wanted_if_named(self.server.resources, request.form.get("resource", ""))
        made = device_codes.codes_made(
            tenant_id=self.server.tenant_id, client=client, scope=scope, resource=found.url if found else ""
        )
        said = {
            "device_code": made.device_code,
            "user_code": made.user_code,
            "verification_uri": verification_uri(),
            "verification_uri_complete": f"{verification_uri()}?user_code={made.user_code}",
            "expires_in": int(device_codes.LIFETIME.total_seconds()),
            "interval": device_codes.INTERVAL_SECONDS,
        }
        return 200, said, []


class HeldDevice:
    """A device code that was presented by its client, with what Authlib asks of one."""

    def __init__(self, row: DeviceCode, client: KnownClient) -> None:
        self.row = row
        self._client = client

    def get_client_id(self) -> str:
        """Whose it is."""
        return self._client.get_client_id()

    def get_scope(self) -> str:
        """What is asked for."""
        return self.row.scopes

    def get_user_code(self) -> "HeldDevice":
        """What Authlib finds the person's answer by: the row, since the code itself is not kept."""
        return self

    def is_expired(self) -> bool:
        """Whether nobody answered in time. An answer that was given counts as long as a code of a browser's would."""
        return self.row.expires_at <= timezone.now()


class DeviceGrant(DeviceCodeGrant):
    """Authlib's grant over our rows."""

    request: Asked

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless somebody allowed it, and the same resource is asked for."""
        super().validate_token_request()
        resources.require_same(self.server.resources, self.request.form.get("resource", ""), self._grant.endpoint)

    def query_device_credential(self, device_code: str) -> HeldDevice:
        """What a device code stands for. Raises InvalidGrantError; one that was used before ends its grant."""
        held = DeviceCode.objects.select_for_update(of=("self",)).select_related("grant")
        row = held.filter(digest=keys.digest(device_code), client=self.request_client.row).first()
        if row is None:
            raise InvalidGrantError("This device code is none of this client's.")
        if row.used_at is not None and row.grant is not None:
            grants.grant_end(row.grant, grants.TWICE)
            raise InvalidGrantError("This device code was used before.")
        return HeldDevice(row, self.request_client)

    @property
    def request_client(self) -> KnownClient:
        """Who asks, which was proved before."""
        found: KnownClient = self.server.client
        return found

    @property
    def _grant(self) -> ClientGrant:
        found: ClientGrant = self.request.credential.row.grant
        return found

    def query_user_grant(self, user_code: HeldDevice) -> tuple[User | None, bool] | None:
        """Who answered and what; None for nobody yet."""
        row = user_code.row
        if row.refused_at is not None:
            return None, False
        return None if row.grant is None else (row.grant.user, row.grant.revoked_at is None)

    def should_slow_down(self, credential: HeldDevice) -> bool:
        """Whether it asks sooner than it was told to; from then on it has to wait longer."""
        row, now = credential.row, timezone.now()
        is_soon = row.polled_at is not None and now - row.polled_at < timedelta(seconds=row.interval_seconds)
        row.polled_at = now
        row.interval_seconds += device_codes.SLOWER_SECONDS if is_soon else 0
        row.save(update_fields=["polled_at", "interval_seconds"])
        return is_soon

    def generate_token(self, *_said: Any, include_refresh_token: bool = True, **_named: Any) -> dict[str, Any]:
        """The token response. Raises InvalidGrantError for a person who has left."""
        DeviceCode.objects.filter(pk=self.request.credential.row.pk).update(used_at=timezone.now())
        refresh_token = refreshing.first(self._grant, self.request.client) if include_refresh_token else ""
        return grants.token_answer(self._grant, self.request.client, refresh_token=refresh_token)
