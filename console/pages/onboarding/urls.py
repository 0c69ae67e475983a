"""URLs of the welcome."""

from django.urls import path

from console.pages.onboarding import views

# At the root: the tenant is not there yet.
welcome_urlpatterns = [path("welcome/", views.name, name="welcome")]

# Under /t/<tenant>/.
urlpatterns = [
    path("welcome/", views.steps, name="welcome_call"),
    path("welcome/call/", views.call, name="welcome_try"),
    path("welcome/key/", views.key, name="welcome_key"),
]
