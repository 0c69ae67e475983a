"""URLs of tools, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import path

from console.pages.tools import views

urlpatterns = [
    path("tools/new/", views.choose, name="tool_choose"),
    path("tools/new/<slug:source>/", views.create, name="tool_create"),
    path("tools/<uuid:tool_id>/", views.detail, name="tool_detail"),
    path("tools/<uuid:tool_id>/call/", views.call, name="tool_call"),
    path("tools/<uuid:tool_id>/edit/", views.edit, name="tool_edit"),
    path("tools/<uuid:tool_id>/switch/", views.switch, name="tool_switch"),
    path("tools/<uuid:tool_id>/delete/", views.delete, name="tool_delete"),
]
