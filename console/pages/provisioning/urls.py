"""URLs of provisioning and of receipts, under /t/<tenant>/."""

from django.urls import path

from console.pages.provisioning import receipts, views

_ONE = "settings/provisioning/<uuid:connection_id>/"

urlpatterns = [
    path("settings/provisioning/", views.index, name="scim_connection_list"),
    path(_ONE, views.show, name="scim_connection"),
    path(f"{_ONE}tokens/", views.token_create, name="scim_token_create"),
    path(f"{_ONE}tokens/<uuid:token_id>/revoke/", views.token_revoke, name="scim_token_revoke"),
    path(f"{_ONE}groups/<uuid:group_id>/role/", views.group_role, name="scim_group_role"),
    path(f"{_ONE}requests/", views.requests, name="scim_request_list"),
    path(f"{_ONE}delete/", views.delete, name="scim_connection_delete"),
    path("team/receipts/", receipts.index, name="deprovision_list"),
    path("team/receipts/<uuid:deprovision_id>/", receipts.show, name="deprovision"),
]
