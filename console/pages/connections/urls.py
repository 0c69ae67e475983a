"""URLs of connections."""

from django.urls import path

from console.pages.connections import logins, revoking, views

# Under /t/<tenant>/.
urlpatterns = [
    path("connections/", views.index, name="connection_list"),
    path("connections/new/", views.create, name="connection_create"),
    path("connections/revoke/", revoking.everything, name="connection_revoke_all"),
    path("connections/receipts/", revoking.receipts, name="connection_receipts"),
    path("connections/<uuid:connection_id>/connect/", logins.connect, name="connection_connect"),
    path("connections/<uuid:connection_id>/register/", logins.register, name="connection_register"),
    path("connections/<uuid:connection_id>/choose/", views.choose, name="connection_choose"),
    path("connections/<uuid:connection_id>/disconnect/", revoking.disconnect, name="connection_disconnect"),
    path("connections/<uuid:connection_id>/delete/", revoking.delete, name="connection_delete"),
]

# At the root: one address for every tenant, since providers compare it exactly.
root_urlpatterns = [
    path("connections/callback", logins.callback, name="connection_callback"),
    path("connections/client.json", logins.document, name="connection_document"),
]
