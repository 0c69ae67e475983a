"""URLs of versions, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import path

from console.pages.versions import views

urlpatterns = [
    path("versions/", views.index, name="version_list"),
    path("versions/release/", views.release, name="version_release"),
    path("versions/<int:version>/", views.detail, name="version_detail"),
    path("versions/<int:version>/hold/", views.hold, name="version_hold"),
]
