"""URLs of a person's own account, at the root."""

from django.urls import path

from console.pages.account import views

root_urlpatterns = [
    path("account/close/", views.close, name="account_close"),
]
