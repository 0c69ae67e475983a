"""URLs of access keys, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import path

from console.pages.keys import views

urlpatterns = [
    path("keys/", views.index, name="key_list"),
    path("keys/new/", views.create, name="key_create"),
    path("keys/<uuid:key_id>/revoke/", views.revoke, name="key_revoke"),
]
