"""URLs of the audit log, under /t/<tenant>/."""

from django.urls import path

from console.pages.audit import views

urlpatterns = [
    path("settings/audit/", views.index, name="audit_log"),
    path("settings/audit/download/<slug:form>/", views.download, name="audit_download"),
]
