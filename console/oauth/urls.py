"""URLs of tenants' authorization servers, at the root: each issuer is `/oauth/<tenant's id>`."""

from django.urls import path

from console.oauth import devices, endpoints, metadata, pages
from console.oauth.hosts import at_host

ISSUER = "oauth/<uuid:tenant_id>"
AT_HOST = f"{ISSUER}/at/<str:host>"
# RFC 8414 section 3.1 puts the well-known part in front of an issuer's path, OpenID Connect Discovery behind it.
PLACES = (
    f".well-known/oauth-authorization-server/{ISSUER}",
    f".well-known/openid-configuration/{ISSUER}",
    f"{ISSUER}/.well-known/openid-configuration",
    f"{ISSUER}/.well-known/oauth-authorization-server",
)

urlpatterns = [
    *(path(place, metadata.document) for place in PLACES),
    path(f"{ISSUER}/jwks", metadata.keys, name="oauth_keys"),
    path(f"{ISSUER}/authorize", pages.authorize, name="oauth_authorize"),
    path(f"{ISSUER}/consent", pages.consent, name="oauth_consent"),
    path(f"{ISSUER}/token", endpoints.token, name="oauth_token"),
    path(f"{ISSUER}/revoke", endpoints.revoke, name="oauth_revoke"),
    path(f"{ISSUER}/introspect", endpoints.introspect, name="oauth_introspect"),
    path(f"{ISSUER}/device_authorization", endpoints.device_authorization, name="oauth_device_authorization"),
    path(f"{ISSUER}/register", endpoints.register, name="oauth_register"),
    # For all tenants, since somebody reads it off a device and types it.
    path("device", devices.enter, name="oauth_device"),
    path("device/answer", devices.answer, name="oauth_device_answer"),
    path(f"{AT_HOST}/jwks", at_host(metadata.keys)),
    path(f"{AT_HOST}/authorize", at_host(pages.authorize)),
    path(f"{AT_HOST}/consent", at_host(pages.consent)),
    path(f"{AT_HOST}/token", at_host(endpoints.token)),
    path(f"{AT_HOST}/revoke", at_host(endpoints.revoke)),
    path(f"{AT_HOST}/introspect", at_host(endpoints.introspect)),
    path(f"{AT_HOST}/device_authorization", at_host(endpoints.device_authorization)),
    path(f"{AT_HOST}/register", at_host(endpoints.register)),
]
