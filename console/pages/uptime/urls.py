"""Addresses of the members' page, and of the public one."""

from django.urls import path

from console.pages.uptime import public, views

urlpatterns = [
    path("uptime/", views.show, name="uptime"),
    path("uptime/download/", views.download, name="uptime_download"),
    path("uptime/status-page/", views.status_page_edit, name="status_page_edit"),
]
public_urlpatterns = [
    path("status/<slug:tenant>/", public.show, name="public_status"),
    path("status/<slug:tenant>/status.json", public.document, name="public_status_document"),
]
