"""URLs of sources, under /t/<tenant>/endpoints/<endpoint>/."""

from django.urls import path

from console.pages.sources import definitions, views

_ONE = "sources/<slug:upstream>/"

# A source may be called anything, `new` too: the pages that add one are beside the list, not inside it.
urlpatterns = [
    path("sources/", views.index, name="source_list"),
    path("new-source/", views.choose, name="source_choose"),
    path("new-source/<slug:kind>/", views.create, name="source_create"),
    path(_ONE, views.detail, name="source_detail"),
    path(f"{_ONE}progress/", views.progress, name="source_progress"),
    path(f"{_ONE}import/", views.start, name="source_import"),
    path(f"{_ONE}edit/", views.edit, name="source_edit"),
    path(f"{_ONE}secrets/", views.secrets, name="source_secrets"),
    path(f"{_ONE}switch/", views.switch, name="source_switch"),
    path(f"{_ONE}delete/", views.delete, name="source_delete"),
    path(f"{_ONE}decide/", definitions.decide, name="definition_decide"),
    path(f"{_ONE}definitions/<uuid:definition_id>/", definitions.definition, name="definition_detail"),
]
