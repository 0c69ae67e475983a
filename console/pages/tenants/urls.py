"""URLs of a person's tenants, under /t/, and of where a person goes after signing in."""

from django.urls import path

from console.pages.tenants import home, views

home_urlpatterns = [path("home/", home.home, name="home")]

urlpatterns = [
    path("", views.index, name="tenant_list"),
    path("new/", views.create, name="tenant_create"),
]
