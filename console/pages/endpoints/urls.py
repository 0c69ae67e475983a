"""URLs of endpoints, under /t/<tenant>/."""

from django.urls import path

from console.pages.endpoints import views

# An endpoint may be called anything, `new` too: the page that makes one is beside the list, not inside it.
urlpatterns = [
    path("endpoints/", views.index, name="endpoint_list"),
    path("new-endpoint/", views.create, name="endpoint_create"),
    path("endpoints/<slug:endpoint>/", views.detail, name="endpoint_detail"),
    path("endpoints/<slug:endpoint>/settings/", views.settings, name="endpoint_settings"),
    path("endpoints/<slug:endpoint>/delete/", views.delete, name="endpoint_delete"),
]
