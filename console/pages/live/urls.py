"""URLs of the board, under /t/<tenant>/."""

from django.urls import path

from console.pages.live import views

urlpatterns = [
    path("live/", views.show, name="board"),
    path("live/<slug:endpoint>/stop/", views.stop, name="endpoint_stop"),
    path("live/<slug:endpoint>/resume/", views.resume, name="endpoint_resume"),
    path("live/<slug:endpoint>/<slug:upstream>/look/", views.look, name="upstream_look"),
    path("live/<slug:endpoint>/<slug:upstream>/release/", views.release, name="upstream_release"),
]
