"""URLs of a tenant's settings, under /t/<tenant>/."""

from django.urls import path

from console.pages.settings import api_keys, networks, views

urlpatterns = [
    path("settings/", views.show, name="settings"),
    path("settings/rename/", views.rename, name="tenant_rename"),
    path("settings/networks/", networks.edit, name="tenant_networks"),
    path("settings/delete/", views.delete, name="tenant_delete"),
    path("settings/restore/", views.restore, name="tenant_restore"),
    path("settings/api-keys/", api_keys.index, name="api_key_list"),
    path("settings/api-keys/new/", api_keys.create, name="api_key_create"),
    path("settings/api-keys/<uuid:key_id>/revoke/", api_keys.revoke, name="api_key_revoke"),
]
