"""URL of a tenant's first page, /t/<tenant>/."""

from django.urls import path

from console.pages.overview import views

urlpatterns = [path("", views.show, name="overview")]
