"""URLs of the audit log, under /t/<tenant>/."""

from django.urls import path

from console.pages.audit import targets, views

urlpatterns = [
    path("settings/audit/", views.index, name="audit_log"),
    path("settings/audit/download/<slug:form>/", views.download, name="audit_download"),
    path("settings/audit/webhooks/new/", targets.create, name="audit_target_create"),
    path("settings/audit/webhooks/<uuid:target_id>/secret/", targets.rotate, name="audit_target_rotate"),
    path("settings/audit/webhooks/<uuid:target_id>/remove/", targets.remove, name="audit_target_remove"),
]
