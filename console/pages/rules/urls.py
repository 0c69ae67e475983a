"""URLs of rules, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import path

from console.pages.rules import views, why

urlpatterns = [
    path("rules/", views.index, name="rule_list"),
    path("rules/why/", why.why, name="rule_why"),
    path("rules/why/presented/", why.why_presented, name="rule_why_presented"),
    path("rules/set/", views.change, name="rule_set"),
    path("rules/<uuid:rule_id>/delete/", views.delete, name="rule_delete"),
]
