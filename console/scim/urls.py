"""URLs of SCIM, under /scim/v2/."""

from django.urls import path

from console.scim.views import scim

urlpatterns = [
    path("<uuid:connection_id>", scim, name="scim_root"),
    path("<uuid:connection_id>/<path:path>", scim, name="scim"),
]
