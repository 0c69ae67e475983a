"""Addresses of resale: a seller's, the public page's, and a buyer's."""

from django.urls import path

from console.pages.resale import accounts, bought, buying, offers, revenue

# Under /t/<tenant>/.
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

# At the root: buyers are nobody's members.
buyer_urlpatterns = [
    path("buy/<slug:tenant>/<slug:offer>/", buying.buy, name="buy"),
    path("bought/<slug:tenant>/<slug:offer>/", bought.show, name="bought"),
    path("bought/<slug:tenant>/<slug:offer>/open/<str:token>/", bought.opened, name="bought_open"),
    path("bought/<slug:tenant>/<slug:offer>/returned/", bought.returned, name="bought_returned"),
    path("bought/<slug:tenant>/<slug:offer>/key/", bought.key, name="bought_key"),
    path("bought/<slug:tenant>/<slug:offer>/portal/", bought.portal, name="bought_portal"),
    path("bought/<slug:tenant>/<slug:offer>/cancel/", bought.cancel, name="bought_cancel"),
    path("bought/<slug:tenant>/<slug:offer>/keep/", bought.keep, name="bought_keep"),
    path("bought/<slug:tenant>/<slug:offer>/forget/", bought.forget, name="bought_forget"),
    path("bought/<slug:tenant>/<slug:offer>/link/", bought.link, name="bought_link"),
]
