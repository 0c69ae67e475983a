"""URL of the usage page, under /t/<tenant>/."""

from django.urls import path

from console.pages.usage import views

urlpatterns = [path("usage/", views.show, name="usage")]
