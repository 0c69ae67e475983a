"""Every page: the front page, and those of tenants, an include for each area."""

from django.urls import URLPattern, URLResolver, include, path

from console.pages.account.urls import root_urlpatterns as account_root_urlpatterns
from console.pages.connections.urls import root_urlpatterns
from console.pages.onboarding.urls import welcome_urlpatterns
from console.pages.resale.urls import buyer_urlpatterns
from console.pages.sso.urls import root_urlpatterns as sso_root_urlpatterns
from console.pages.team.urls import invitation_urlpatterns
from console.pages.tenants.urls import home_urlpatterns
from console.pages.uptime.urls import public_urlpatterns

_OF_TENANT = (
    "overview",
    "onboarding",
    "endpoints",
    "playground",
    "live",
    "alerts",
    "usage",
    "uptime",
    "billing",
    "resale",
    "team",
    "connections",
    "clients",
    "sso",
    "issuers",
    "settings",
    "hosts",
    "audit",
    "provisioning",
)
_OF_ENDPOINT = ("tools", "content", "sources", "keys", "rules", "versions")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("console.pages.landing.urls")),
    *home_urlpatterns,
    *welcome_urlpatterns,
    *invitation_urlpatterns,
    *root_urlpatterns,
    *account_root_urlpatterns,
    *sso_root_urlpatterns,
    *public_urlpatterns,
    *buyer_urlpatterns,
    path("t/", include("console.pages.tenants.urls")),
    *(path("t/<slug:tenant>/", include(f"console.pages.{area}.urls")) for area in _OF_TENANT),
    *(
        path("t/<slug:tenant>/endpoints/<slug:endpoint>/", include(f"console.pages.{area}.urls"))
        for area in _OF_ENDPOINT
    ),
]
