"""URLs of single sign-on."""

from django.urls import path

from console.pages.sso import entering, leaving, settings, wizard

_CONNECTION = "sso/connections/<uuid:tenant_id>/<uuid:connection_id>"

_ONE = "sso/<uuid:connection_id>"

# Under /t/<tenant>/.
urlpatterns = [
    path("sso/", settings.index, name="sso"),
    path("sso/policy/", settings.policy, name="sso_policy"),
    path("sso/domains/new/", settings.domain_new, name="sso_domain_new"),
    path("sso/domains/<uuid:domain_id>/check/", settings.domain_check, name="sso_domain_check"),
    path("sso/domains/<uuid:domain_id>/delete/", settings.domain_delete, name="sso_domain_delete"),
    path("sso/new/", settings.create, name="sso_create"),
    path(f"{_ONE}/", wizard.show, name="sso_connection"),
    path(f"{_ONE}/try/", wizard.try_it, name="sso_try"),
    path(f"{_ONE}/admission/", wizard.admission, name="sso_admission"),
    path(f"{_ONE}/switch/", wizard.switch, name="sso_switch"),
    path(f"{_ONE}/refresh/", wizard.refresh, name="sso_refresh"),
    path(f"{_ONE}/delete/", wizard.delete, name="sso_delete"),
    path(f"{_ONE}/links/", wizard.link_make, name="sso_link_make"),
    path(f"{_ONE}/links/<uuid:link_id>/revoke/", wizard.link_revoke, name="sso_link_revoke"),
]

# At the root: what people and providers open before it is known who somebody is.
root_urlpatterns = [
    path("sso/", entering.discover, name="sso_discover"),
    path("sso/signed-out/", leaving.signed_out, name="sso_signed_out"),
    path(f"{_CONNECTION}/callback", entering.callback, name="sso_callback"),
    path(f"{_CONNECTION}/backchannel-logout", leaving.backchannel, name="sso_backchannel"),
    path(f"{_CONNECTION}/acs", entering.acs, name="sso_acs"),
    path(f"{_CONNECTION}/slo", leaving.slo, name="sso_slo"),
    path(f"{_CONNECTION}/metadata", leaving.metadata, name="sso_metadata"),
    path("sso/setup/<slug:tenant>/<str:token>/", wizard.setup, name="sso_setup"),
    path("sso/setup/<slug:tenant>/<str:token>/kind/", wizard.setup_kind, name="sso_setup_kind"),
    path("sso/setup/<slug:tenant>/<str:token>/try/", wizard.setup_try, name="sso_setup_try"),
    path("sso/<slug:tenant>/", entering.direct, name="sso_direct"),
    path("sso/<slug:tenant>/<uuid:connection_id>/", entering.begin, name="sso_begin"),
]
