"""URLs of webhooks, under /webhooks/."""

from django.urls import path

from console.webhooks import stripe

urlpatterns = [path("stripe", stripe.stripe, name="stripe_webhook")]
