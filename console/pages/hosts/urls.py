"""URLs of host names, under /t/<tenant>/."""

from django.urls import path

from console.pages.hosts import views

urlpatterns = [
    path("hosts/", views.index, name="host_list"),
    path("hosts/new/", views.claim, name="host_claim"),
    path("hosts/default/", views.default, name="host_default"),
    path("hosts/<uuid:host_id>/check/", views.check, name="host_check"),
    path("hosts/<uuid:host_id>/release/", views.release, name="host_release"),
]
