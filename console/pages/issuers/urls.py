"""URLs of trusted issuers, under /t/<tenant>/."""

from django.urls import path

from console.pages.issuers import views

_ONE = "trusted-issuers/<uuid:issuer_id>"

urlpatterns = [
    path("trusted-issuers/", views.index, name="issuer_list"),
    path("trusted-issuers/new/", views.create, name="issuer_create"),
    path(f"{_ONE}/", views.show, name="issuer"),
    path(f"{_ONE}/change/", views.change, name="issuer_change"),
    path(f"{_ONE}/try/", views.try_it, name="issuer_try"),
    path(f"{_ONE}/refresh/", views.refresh, name="issuer_refresh"),
    path(f"{_ONE}/remove/", views.remove, name="issuer_remove"),
]
