"""Addresses of billing."""

from django.urls import path

from console.pages.billing import invoices, paying, spending, trying, views

urlpatterns = [
    path("billing/", views.show, name="billing"),
    path("billing/choose/", paying.choose, name="billing_choose"),
    path("billing/returned/", paying.returned, name="billing_returned"),
    path("billing/change/", paying.change, name="billing_change"),
    path("billing/cancel/", paying.cancel, name="billing_cancel"),
    path("billing/keep/", paying.keep, name="billing_keep"),
    path("billing/trial/", trying.begin, name="billing_trial"),
    path("billing/portal/", paying.portal, name="billing_portal"),
    path("billing/invoices/<str:invoice>/", invoices.show, name="billing_invoice"),
    path("billing/invoices/<str:invoice>/<str:line>/", invoices.line, name="billing_line"),
    path("billing/cap/", spending.cap, name="billing_cap"),
    path("billing/cap/remove/", spending.uncap, name="billing_uncap"),
]
