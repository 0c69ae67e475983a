"""URL of the playground, under /t/<tenant>/."""

from django.urls import path

from console.pages.playground import views

urlpatterns = [path("playground/", views.show, name="playground")]
