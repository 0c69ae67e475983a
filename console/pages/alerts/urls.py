"""URLs of alerts, under /t/<tenant>/."""

from django.urls import path

from console.pages.alerts import views

urlpatterns = [
    path("alerts/", views.index, name="alert_list"),
    path("alerts/new/", views.create, name="alert_create"),
    path("alerts/<uuid:channel_id>/test/", views.test, name="alert_test"),
    path("alerts/<uuid:channel_id>/secret/", views.rotate, name="alert_rotate"),
    path("alerts/<uuid:channel_id>/remove/", views.remove, name="alert_remove"),
]
