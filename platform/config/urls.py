"""Every URL of the console's origin: one include per area."""

from django.urls import URLPattern, URLResolver, include, path

from console import failures

handler400 = failures.bad_request
handler500 = failures.server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include("allauth.urls")),
    path("api/v1/", include("console.api.urls")),
    path("", include("console.oauth.urls")),
    path("scim/v2/", include("console.scim.urls")),
    path("webhooks/", include("console.webhooks.urls")),
    path("", include("console.pages.urls")),
]
