"""URLs of a person's tenants, under /t/."""

from django.urls import path

from console.pages.tenants import views

urlpatterns = [
    path("", views.index, name="tenant_list"),
    path("new/", views.create, name="tenant_create"),
]
