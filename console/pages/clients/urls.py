"""URLs of connected clients."""

from django.urls import path

from console.pages.clients import views

# Under /t/<tenant>/.
urlpatterns = [
    path("clients/", views.index, name="client_list"),
    path("clients/known/", views.known, name="client_known"),
    path("clients/new/", views.create, name="client_create"),
    path("clients/policy/", views.policy, name="client_policy"),
    path("clients/grants/<uuid:grant_id>/revoke/", views.revoke, name="client_grant_revoke"),
    path("clients/<uuid:client_row>/groups/", views.groups, name="client_groups"),
    path("clients/<uuid:client_row>/remove/", views.remove, name="client_remove"),
]
