"""Addresses of the seller's pages."""

from django.urls import path

from console.pages.resale import accounts, offers, revenue

urlpatterns = [
    path("resale/", offers.index, name="resale"),
    path("resale/connect/", accounts.connect, name="resale_connect"),
    path("resale/resume/", accounts.resume, name="resale_resume"),
    path("resale/returned/", accounts.returned, name="resale_returned"),
    path("resale/dashboard/", accounts.dashboard, name="resale_dashboard"),
    path("resale/disconnect/", accounts.disconnect, name="resale_disconnect"),
    path("resale/new/", offers.create, name="resale_create"),
    path("resale/revenue/", revenue.show, name="resale_revenue"),
    path("resale/sales/<uuid:sale_id>/", revenue.sale, name="resale_sale"),
    path("resale/offers/<slug:offer>/", offers.detail, name="resale_offer"),
    path("resale/offers/<slug:offer>/edit/", offers.edit, name="resale_edit"),
    path("resale/offers/<slug:offer>/sell/", offers.put_on_sale, name="resale_sell"),
    path("resale/offers/<slug:offer>/delete/", offers.delete, name="resale_delete"),
    path("resale/offers/<slug:offer>/withdraw/", offers.withdraw, name="resale_withdraw"),
]
