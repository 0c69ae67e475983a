"""The console's front door."""

from django.urls import path

from console.pages.landing import views

urlpatterns = [path("", views.show, name="landing")]
