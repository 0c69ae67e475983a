"""URLs of prompts and resources, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import URLPattern, path

from console.pages.content import views
from console.pages.content.kinds import PROMPTS, RESOURCES, Kind


def _urls(kind: Kind) -> list[URLPattern]:
    one, given = f"{kind.plural}/<uuid:item_id>", {"kind": kind}
    return [
        path(f"{kind.plural}/", views.index, given, name=f"{kind.noun}_list"),
        path(f"{kind.plural}/new/", views.create, given, name=f"{kind.noun}_create"),
        path(f"{one}/", views.detail, given, name=f"{kind.noun}_detail"),
        path(f"{one}/try/", views.attempt, given, name=f"{kind.noun}_try"),
        path(f"{one}/edit/", views.edit, given, name=f"{kind.noun}_edit"),
        path(f"{one}/switch/", views.switch, given, name=f"{kind.noun}_switch"),
        path(f"{one}/delete/", views.delete, given, name=f"{kind.noun}_delete"),
    ]


urlpatterns = [*_urls(PROMPTS), *_urls(RESOURCES)]
