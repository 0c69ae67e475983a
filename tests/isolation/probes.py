"""How each route with parameters is probed: what of a tenant stands in its URL, and in its body.

A new route needs one line here. `fills` names, for each parameter, the field of `stage.Belongings` that goes there (or
"=text" for a value that belongs to nobody). `bodies` holds, for each method of an API route, a body that its owner
could send, so that what is refused is the address and not the body.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.isolation.routes import Route


@dataclass(frozen=True)
class Probe:
    """`by_link` says why whoever holds the whole URL may read it, where that is so."""

    fills: dict[str, str]
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_link: str = ""
    refusals: frozenset[int] = frozenset({404})


# Whole parts of the URL space that no tenant's rows are behind, each with the reason.
_ISSUER = "oauth/<uuid:tenant_id>"
_AT_HOST = f"{_ISSUER}/at/<str:host>"
_AT_HOSTS = (
    "the same views as those of the issuer, at a host: tests/console/oauth/test_hosts.py goes to hosts of others"
)
_METADATA = "public: what programs have to know before anybody let them in; it names nothing of the tenant's"
_PROGRAMS = "for programs without a session: tests/console/oauth presents the codes and tokens of other tenants there"
EXEMPT = {
    f".well-known/oauth-authorization-server/{_ISSUER}": _METADATA,
    f".well-known/openid-configuration/{_ISSUER}": _METADATA,
    f"{_ISSUER}/.well-known/openid-configuration": _METADATA,
    f"{_ISSUER}/.well-known/oauth-authorization-server": _METADATA,
    f"{_ISSUER}/jwks": _METADATA,
    f"{_ISSUER}/register": _METADATA,
    f"{_AT_HOST}/jwks": _METADATA,
    f"{_AT_HOST}/register": _METADATA,
    f"{_AT_HOST}/authorize": _AT_HOSTS,
    f"{_AT_HOST}/consent": _AT_HOSTS,
    f"{_AT_HOST}/token": _AT_HOSTS,
    f"{_AT_HOST}/revoke": _AT_HOSTS,
    f"{_AT_HOST}/introspect": _AT_HOSTS,
    f"{_AT_HOST}/device_authorization": _AT_HOSTS,
    f"{_ISSUER}/token": _PROGRAMS,
    f"{_ISSUER}/device_authorization": _PROGRAMS,
    f"{_ISSUER}/revoke": _PROGRAMS,
    f"{_ISSUER}/introspect": _PROGRAMS,
    "account/": "signing in: everything there belongs to the person in the session, and no parameter is a tenant's",
    "status/<slug:tenant>/": "public: what a tenant published; tests/console/test_uptime.py asks for what none did",
    "status/<slug:tenant>/status.json": "public: the same for programs",
    "buy/<slug:tenant>/<slug:offer>/": "public: what is on sale; tests/console/resale asks for what is not",
    "bought/": "opened by a purchase's token in a cookie: tests/console/resale presents those of others",
    "sso/<slug:tenant>/": "public: where a tenant's people sign in; tells the host of its provider alone",
    "api/v1/problems/<slug:code>": "public: what a refusal means",
    "scim/v2/": "opened by the token of one connection alone: tests/console/test_scim.py presents every other",
    "api/v1/": "only the address itself: what no other route takes is not found, whoever asks",
}
_WHOLE_PARTS = {"account/", "scim/v2/", "bought/"}

_TENANT = {"tenant": "tenant"}
_ENDPOINT = {"tenant": "tenant", "endpoint": "endpoint"}
_CONNECTION = _TENANT | {"connection_id": "connection"}
_TOOL = _ENDPOINT | {"tool_id": "tool"}


def _content_pages(kind: str) -> dict[str, dict[str, str]]:
    """The pages of prompts or of resources, which are alike."""
    base, one = f"endpoints/<slug:endpoint>/{kind}s/", _ENDPOINT | {"item_id": kind}
    acts = ("", "try/", "edit/", "switch/", "delete/")
    return {base: _ENDPOINT, f"{base}new/": _ENDPOINT} | {f"{base}<uuid:item_id>/{act}": one for act in acts}


_SOURCE = _ENDPOINT | {"upstream": "upstream"}
_ONE_SOURCE = "endpoints/<slug:endpoint>/sources/<slug:upstream>/"
_SOURCE_PAGES = {
    "endpoints/<slug:endpoint>/sources/": _ENDPOINT,
    "endpoints/<slug:endpoint>/new-source/": _ENDPOINT,
    "endpoints/<slug:endpoint>/new-source/<slug:kind>/": _ENDPOINT | {"kind": "=openapi"},
    **{
        f"{_ONE_SOURCE}{act}": _SOURCE
        for act in ("", "progress/", "import/", "edit/", "secrets/", "switch/", "delete/", "decide/")
    },
    f"{_ONE_SOURCE}definitions/<uuid:definition_id>/": _SOURCE | {"definition_id": "definition"},
}
_PAGES = {
    **_SOURCE_PAGES,
    "": _TENANT,
    "welcome/": _TENANT,
    "welcome/call/": _TENANT,
    "welcome/key/": _TENANT,
    "playground/": _TENANT,
    "endpoints/": _TENANT,
    "new-endpoint/": _TENANT,
    "endpoints/<slug:endpoint>/": _ENDPOINT,
    "endpoints/<slug:endpoint>/settings/": _ENDPOINT,
    "endpoints/<slug:endpoint>/delete/": _ENDPOINT,
    "endpoints/<slug:endpoint>/tools/new/": _ENDPOINT,
    "endpoints/<slug:endpoint>/tools/new/<slug:source>/": _ENDPOINT | {"source": "=builtin"},
    "endpoints/<slug:endpoint>/tools/<uuid:tool_id>/": _TOOL,
    "endpoints/<slug:endpoint>/tools/<uuid:tool_id>/call/": _TOOL,
    "endpoints/<slug:endpoint>/tools/<uuid:tool_id>/edit/": _TOOL,
    "endpoints/<slug:endpoint>/tools/<uuid:tool_id>/switch/": _TOOL,
    "endpoints/<slug:endpoint>/tools/<uuid:tool_id>/delete/": _TOOL,
    **_content_pages("prompt"),
    **_content_pages("resource"),
    "endpoints/<slug:endpoint>/keys/": _ENDPOINT,
    "endpoints/<slug:endpoint>/keys/new/": _ENDPOINT,
    "endpoints/<slug:endpoint>/keys/<uuid:key_id>/revoke/": _ENDPOINT | {"key_id": "access_key"},
    "endpoints/<slug:endpoint>/rules/": _ENDPOINT,
    "endpoints/<slug:endpoint>/rules/why/": _ENDPOINT,
    "endpoints/<slug:endpoint>/rules/why/presented/": _ENDPOINT,
    "endpoints/<slug:endpoint>/rules/set/": _ENDPOINT,
    "endpoints/<slug:endpoint>/rules/<uuid:rule_id>/delete/": _ENDPOINT | {"rule_id": "tool_rule"},
    "endpoints/<slug:endpoint>/versions/": _ENDPOINT,
    "endpoints/<slug:endpoint>/versions/release/": _ENDPOINT,
    "endpoints/<slug:endpoint>/versions/<int:version>/": _ENDPOINT | {"version": "=1"},
    "endpoints/<slug:endpoint>/versions/<int:version>/hold/": _ENDPOINT | {"version": "=1"},
    "live/": _TENANT,
    "live/<slug:endpoint>/stop/": _ENDPOINT,
    "live/<slug:endpoint>/resume/": _ENDPOINT,
    "live/<slug:endpoint>/<slug:upstream>/look/": _ENDPOINT | {"upstream": "upstream"},
    "live/<slug:endpoint>/<slug:upstream>/release/": _ENDPOINT | {"upstream": "upstream"},
    "alerts/": _TENANT,
    "alerts/new/": _TENANT,
    "alerts/<uuid:channel_id>/test/": _TENANT | {"channel_id": "alert_channel"},
    "alerts/<uuid:channel_id>/secret/": _TENANT | {"channel_id": "alert_channel"},
    "alerts/<uuid:channel_id>/remove/": _TENANT | {"channel_id": "alert_channel"},
    "usage/": _TENANT,
    "uptime/": _TENANT,
    "uptime/download/": _TENANT,
    "uptime/status-page/": _TENANT,
    "billing/": _TENANT,
    "billing/choose/": _TENANT,
    "billing/returned/": _TENANT,
    "billing/change/": _TENANT,
    "billing/cancel/": _TENANT,
    "billing/keep/": _TENANT,
    "billing/cap/": _TENANT,
    "billing/cap/remove/": _TENANT,
    "billing/portal/": _TENANT,
    "billing/trial/": _TENANT,
    "billing/invoices/<str:invoice>/": _TENANT | {"invoice": "invoice"},
    "billing/invoices/<str:invoice>/<str:line>/": _TENANT | {"invoice": "invoice", "line": "invoice_line"},
    **{f"resale/{act}": _TENANT for act in ("", "connect/", "resume/", "returned/", "dashboard/", "disconnect/")},
    "resale/new/": _TENANT,
    "resale/revenue/": _TENANT,
    "resale/sales/<uuid:sale_id>/": _TENANT | {"sale_id": "sale"},
    **{
        f"resale/offers/<slug:offer>/{act}": _TENANT | {"offer": "offer"}
        for act in ("", "edit/", "sell/", "delete/", "withdraw/")
    },
    "team/": _TENANT,
    "team/invite/": _TENANT,
    "team/groups/": _TENANT,
    "team/groups/<uuid:group_id>/": _TENANT | {"group_id": "group"},
    "team/groups/<uuid:group_id>/clients/": _TENANT | {"group_id": "group"},
    "team/groups/<uuid:group_id>/delete/": _TENANT | {"group_id": "group"},
    "team/roles/": _TENANT,
    "team/leave/": _TENANT,
    "team/transfer/": _TENANT,
    "team/invitations/<uuid:invitation_id>/withdraw/": _TENANT | {"invitation_id": "invitation"},
    "team/<uuid:user_id>/role/": _TENANT | {"user_id": "user"},
    **{f"team/<uuid:user_id>/{act}/": _TENANT | {"user_id": "user"} for act in ("deactivate", "reactivate", "remove")},
    "sso/": _TENANT,
    "sso/policy/": _TENANT,
    "sso/new/": _TENANT,
    "hosts/": _TENANT,
    "hosts/new/": _TENANT,
    "hosts/default/": _TENANT,
    **{f"hosts/<uuid:host_id>/{act}/": _TENANT | {"host_id": "host"} for act in ("check", "release")},
    "trusted-issuers/": _TENANT,
    "trusted-issuers/new/": _TENANT,
    **{
        f"trusted-issuers/<uuid:issuer_id>/{act}": _TENANT | {"issuer_id": "trusted_issuer"}
        for act in ("", "change/", "try/", "refresh/", "remove/")
    },
    "sso/domains/new/": _TENANT,
    **{f"sso/domains/<uuid:domain_id>/{act}/": _TENANT | {"domain_id": "sso_domain"} for act in ("check", "delete")},
    **{
        f"sso/<uuid:connection_id>/{act}": _TENANT | {"connection_id": "sso_connection"}
        for act in ("", "try/", "admission/", "switch/", "refresh/", "delete/", "links/")
    },
    "sso/<uuid:connection_id>/links/<uuid:link_id>/revoke/": _TENANT
    | {"connection_id": "sso_begun", "link_id": "sso_link"},
    "connections/": _TENANT,
    "connections/new/": _TENANT,
    "connections/revoke/": _TENANT,
    "connections/receipts/": _TENANT,
    **{
        f"connections/<uuid:connection_id>/{act}/": _CONNECTION
        for act in ("connect", "register", "choose", "disconnect", "delete")
    },
    "clients/": _TENANT,
    "clients/known/": _TENANT,
    "clients/new/": _TENANT,
    "clients/policy/": _TENANT,
    "clients/grants/<uuid:grant_id>/revoke/": _TENANT | {"grant_id": "client_grant"},
    "clients/<uuid:client_row>/groups/": _TENANT | {"client_row": "mcp_client"},
    "clients/<uuid:client_row>/remove/": _TENANT | {"client_row": "mcp_client"},
    "settings/": _TENANT,
    "settings/rename/": _TENANT,
    "settings/networks/": _TENANT,
    "settings/delete/": _TENANT,
    "settings/restore/": _TENANT,
    "settings/audit/": _TENANT,
    "settings/audit/download/<slug:form>/": _TENANT | {"form": "=jsonl"},
    "settings/audit/webhooks/new/": _TENANT,
    "settings/audit/webhooks/<uuid:target_id>/secret/": _TENANT | {"target_id": "audit_target"},
    "settings/audit/webhooks/<uuid:target_id>/remove/": _TENANT | {"target_id": "audit_target"},
    "settings/api-keys/": _TENANT,
    "settings/api-keys/new/": _TENANT,
    "settings/api-keys/<uuid:key_id>/revoke/": _TENANT | {"key_id": "api_key"},
}
_SCIM = {"connection_id": "scim_connection"}
_PAGES |= {
    "settings/provisioning/": _TENANT,
    **{
        f"settings/provisioning/<uuid:connection_id>/{act}": _TENANT | _SCIM
        for act in ("", "tokens/", "requests/", "delete/")
    },
    "settings/provisioning/<uuid:connection_id>/tokens/<uuid:token_id>/revoke/": _TENANT
    | _SCIM
    | {"token_id": "scim_token"},
    "settings/provisioning/<uuid:connection_id>/groups/<uuid:group_id>/role/": _TENANT
    | _SCIM
    | {"group_id": "scim_group"},
    "team/receipts/": _TENANT,
    "team/sessions/": _TENANT,
    "team/sessions/<uuid:session_id>/end/": _TENANT | {"session_id": "member_session"},
    "team/receipts/<uuid:deprovision_id>/": _TENANT | {"deprovision_id": "deprovision"},
}
_IN_ENDPOINT = {"endpoint": "endpoint"}
_ECHO = {"source": "builtin", "name": "again", "config": {"function": "echo"}}
_PROMPT = {"name": "again", "config": {"messages": [{"role": "user", "content": {"type": "text", "text": "Hi"}}]}}
_RESOURCE = {"uri": "notes://again", "name": "Again", "config": {"text": "Again"}}
_UPSTREAM = _IN_ENDPOINT | {"upstream": "upstream"}
_ONE_UPSTREAM = "endpoints/<slug:endpoint>/upstreams/<slug:upstream>"
_API_OF_UPSTREAMS = {
    "endpoints/<slug:endpoint>/upstreams": Probe(
        _IN_ENDPOINT, {"POST": {"slug": "again", "kind": "openapi", "name": "Again"}}
    ),
    _ONE_UPSTREAM: Probe(_UPSTREAM, {"PATCH": {"name": "Changed"}}),
    f"{_ONE_UPSTREAM}/material": Probe(_UPSTREAM),
    f"{_ONE_UPSTREAM}/imports": Probe(_UPSTREAM, {"POST": {}}),
    f"{_ONE_UPSTREAM}/imports/<uuidstr:import_id>": Probe(_UPSTREAM | {"import_id": "import_run"}),
    f"{_ONE_UPSTREAM}/definitions": Probe(_UPSTREAM),
    f"{_ONE_UPSTREAM}/definitions/<uuidstr:definition_id>": Probe(
        _UPSTREAM | {"definition_id": "definition"}, {"PATCH": {"chosen": False}}
    ),
    f"{_ONE_UPSTREAM}/look": Probe(_UPSTREAM, {"POST": {}}),
    f"{_ONE_UPSTREAM}/release": Probe(_UPSTREAM, {"POST": {}}),
    f"{_ONE_UPSTREAM}/health": Probe(_UPSTREAM),
    f"{_ONE_UPSTREAM}/approvals": Probe(_UPSTREAM, {"POST": {"all_clean": True}}),
    f"{_ONE_UPSTREAM}/choices": Probe(_UPSTREAM, {"POST": {"ids": [], "chosen": False}}),
}
_CHANNEL = {"channel_id": "alert_channel"}
_TARGET = {"target_id": "audit_target"}
_OFFER = {"offer": "offer"}
_API = {
    "resale/offers/<slug:offer>": Probe(_OFFER, {"PATCH": {"name": "Changed"}}),
    **{f"resale/offers/<slug:offer>/{act}": Probe(_OFFER, {"POST": {}}) for act in ("sell", "withdraw")},
    "resale/offers/<slug:offer>/purchases": Probe(_OFFER),
    "alert-channels/<uuidstr:channel_id>": Probe(_CHANNEL),
    "alert-channels/<uuidstr:channel_id>/test": Probe(_CHANNEL, {"POST": {}}),
    "alert-channels/<uuidstr:channel_id>/secret": Probe(_CHANNEL, {"POST": {}}),
    "alert-channels/<uuidstr:channel_id>/former-secret": Probe(_CHANNEL),
    "audit-targets/<uuidstr:target_id>": Probe(_TARGET),
    "audit-targets/<uuidstr:target_id>/secret": Probe(_TARGET, {"POST": {}}),
    "audit-targets/<uuidstr:target_id>/former-secret": Probe(_TARGET),
    "endpoints/<slug:endpoint>/stop": Probe(_IN_ENDPOINT, {"POST": {"message": "Stopped."}}),
    "endpoints/<slug:endpoint>/resume": Probe(_IN_ENDPOINT, {"POST": {}}),
    **_API_OF_UPSTREAMS,
    "scim-connections/<uuidstr:connection_id>": Probe(_SCIM),
    "scim-connections/<uuidstr:connection_id>/tokens": Probe(_SCIM, {"POST": {}}),
    "scim-connections/<uuidstr:connection_id>/tokens/<uuidstr:token_id>": Probe(_SCIM | {"token_id": "scim_token"}),
    "scim-connections/<uuidstr:connection_id>/groups": Probe(_SCIM),
    "scim-connections/<uuidstr:connection_id>/groups/<uuidstr:group_id>": Probe(
        _SCIM | {"group_id": "scim_group"}, {"PATCH": {"role": "viewer"}}
    ),
    "scim-connections/<uuidstr:connection_id>/requests": Probe(_SCIM),
    "deprovisions/<uuidstr:deprovision_id>": Probe({"deprovision_id": "deprovision"}),
    "sessions/<uuidstr:session_id>": Probe({"session_id": "member_session"}),
    "members/<uuidstr:user_id>": Probe({"user_id": "user"}, {"PATCH": {"role": "viewer"}}),
    "members/<uuidstr:user_id>/deactivate": Probe({"user_id": "user"}, {"POST": {}}),
    "members/<uuidstr:user_id>/reactivate": Probe({"user_id": "user"}, {"POST": {}}),
    "invitations/<uuidstr:invitation_id>": Probe({"invitation_id": "invitation"}),
    "sso/connections/<uuidstr:connection_id>": Probe({"connection_id": "sso_connection"}, {"PATCH": {"name": "New"}}),
    "sso/connections/<uuidstr:connection_id>/provider": Probe(
        {"connection_id": "sso_connection"}, {"PUT": {"entity_id": "https://idp.example"}}
    ),
    "sso/connections/<uuidstr:connection_id>/setup-links": Probe({"connection_id": "sso_connection"}),
    "hosts/<uuidstr:host_id>": Probe({"host_id": "host"}),
    "hosts/<uuidstr:host_id>/verify": Probe({"host_id": "host"}),
    "sso/domains/<uuidstr:domain_id>": Probe({"domain_id": "sso_domain"}),
    "sso/domains/<uuidstr:domain_id>/verify": Probe({"domain_id": "sso_domain"}),
    "api-keys/<uuidstr:key_id>": Probe({"key_id": "api_key"}),
    "billing/invoices/<str:invoice>": Probe({"invoice": "invoice"}),
    "billing/invoices/<str:invoice>/lines": Probe({"invoice": "invoice"}),
    "billing/invoices/<str:invoice>/lines/<str:line>": Probe({"invoice": "invoice", "line": "invoice_line"}),
    "billing/invoices/<str:invoice>/lines/<str:line>/calls": Probe({"invoice": "invoice", "line": "invoice_line"}),
    "clients/<uuidstr:client>": Probe({"client": "mcp_client"}),
    "trusted-issuers/<uuidstr:issuer>": Probe(
        {"issuer": "trusted_issuer"}, {"PUT": {"name": "x", "issuer": "https://issuer.example"}}
    ),
    "trusted-issuers/<uuidstr:issuer>/try": Probe({"issuer": "trusted_issuer"}, {"POST": {"token": "x"}}),
    "client-grants/<uuidstr:grant>": Probe({"grant": "client_grant"}),
    "connections/<uuidstr:connection_id>": Probe({"connection_id": "connection"}),
    "connections/<uuidstr:connection_id>/disconnect": Probe({"connection_id": "connection"}),
    "connections/<uuidstr:connection_id>/choose": Probe({"connection_id": "connection"}),
    "endpoints/<slug:endpoint>": Probe(_IN_ENDPOINT, {"PATCH": {"name": "Changed"}}),
    "endpoints/<slug:endpoint>/tools": Probe(_IN_ENDPOINT, {"POST": _ECHO}),
    "endpoints/<slug:endpoint>/tools/<uuidstr:tool_id>": Probe(
        _IN_ENDPOINT | {"tool_id": "tool"}, {"PATCH": {"title": "Changed"}}
    ),
    "endpoints/<slug:endpoint>/prompts": Probe(_IN_ENDPOINT, {"POST": _PROMPT}),
    "endpoints/<slug:endpoint>/prompts/<uuidstr:prompt_id>": Probe(
        _IN_ENDPOINT | {"prompt_id": "prompt"}, {"PATCH": {"title": "Changed"}}
    ),
    "endpoints/<slug:endpoint>/resources": Probe(_IN_ENDPOINT, {"POST": _RESOURCE}),
    "endpoints/<slug:endpoint>/resources/<uuidstr:resource_id>": Probe(
        _IN_ENDPOINT | {"resource_id": "resource"}, {"PATCH": {"title": "Changed"}}
    ),
    "endpoints/<slug:endpoint>/versions": Probe(_IN_ENDPOINT),
    "endpoints/<slug:endpoint>/versions/<int:before>/<int:after>": Probe(
        _IN_ENDPOINT | {"before": "=1", "after": "=1"}
    ),
    "endpoints/<slug:endpoint>/versions/held": Probe(_IN_ENDPOINT, {"PUT": {"version": 1}}),
    "endpoints/<slug:endpoint>/keys": Probe(_IN_ENDPOINT, {"POST": {"name": "another"}}),
    "endpoints/<slug:endpoint>/explanation": Probe(_IN_ENDPOINT, {"POST": {"tool": "echo", "token": "x"}}),
    "endpoints/<slug:endpoint>/rules": Probe(
        _IN_ENDPOINT, {"POST": {"group_id": "00000000-0000-4000-8000-000000000000", "patterns": ["*"]}}
    ),
    "endpoints/<slug:endpoint>/rules/<uuidstr:rule_id>": Probe(_IN_ENDPOINT | {"rule_id": "tool_rule"}),
    "groups/<uuidstr:group_id>": Probe({"group_id": "group"}),
    "groups/<uuidstr:group_id>/members": Probe({"group_id": "group"}, {"PUT": {"emails": []}}),
    "groups/<uuidstr:group_id>/clients": Probe({"group_id": "group"}, {"PUT": {"clients": []}}),
    "endpoints/<slug:endpoint>/keys/<uuidstr:key_id>": Probe(_IN_ENDPOINT | {"key_id": "access_key"}),
}
_LINK = Probe(
    {"slug": "tenant", "token": "invitation_token"},
    by_link="the token is a secret: whoever was mailed it may see what it invites to, and only its addressee accepts",
    refusals=frozenset({404, 410}),
)
_OAUTH = {f"{_ISSUER}/{name}": Probe({"tenant_id": "tenant_id"}) for name in ("authorize", "consent")}

_SETUP = {"tenant": "tenant", "token": "sso_token"}
_SSO_CONNECTION = {"tenant_id": "tenant_id", "connection_id": "sso_connection"}
_SSO = {
    "sso/<slug:tenant>/<uuid:connection_id>/": Probe(
        {"tenant": "tenant", "connection_id": "sso_connection"}, by_link="people go on to their provider there"
    ),
    **{
        f"sso/connections/<uuid:tenant_id>/<uuid:connection_id>/{what}": Probe(
            _SSO_CONNECTION,
            by_link="providers, and browsers that come from them, have no session: what they bring is checked",
            refusals=frozenset({400, 404}),
        )
        for what in ("callback", "backchannel-logout", "acs", "slo", "metadata")
    },
    **{
        f"sso/setup/<slug:tenant>/<str:token>/{act}": Probe(
            _SETUP, by_link="the token is a secret: its holder configures one connection", refusals=frozenset({410})
        )
        for act in ("", "kind/", "try/")
    },
}

PROBES: dict[str, Probe] = {
    **{f"t/<slug:tenant>/{template}": Probe(fills) for template, fills in _PAGES.items()},
    **{f"api/v1/{template}": probe for template, probe in _API.items()},
    **_OAUTH,
    **_SSO,
    "invitations/<slug:slug>/<str:token>": _LINK,
}


# The same for the runtime, whose paths are all `/t/<tenant>/<endpoint>/<transport>`: the verbs that each one takes.
RUNTIME: dict[str, frozenset[str]] = {
    "mcp": frozenset({"POST", "GET", "DELETE"}),
    "sse": frozenset({"GET"}),
    "messages": frozenset({"POST"}),
    "ws": frozenset({"GET"}),
}


def is_exempt(route: Route) -> bool:
    """Whether a reason is written down for not probing the route."""
    return route.template in EXEMPT or any(route.template.startswith(part) for part in _WHOLE_PARTS)


def missing(route: Route) -> str:
    """What to do about a route that nobody probes; empty when its probe is there and whole."""
    probe = PROBES.get(route.template)
    if probe is None:
        return f"{route.template}: add a line to PROBES in tests/isolation/probes.py that fills {route.parameters}"
    unfilled = set(route.parameters) - probe.fills.keys()
    return f"{route.template}: its probe fills nothing for {sorted(unfilled)}" if unfilled else ""
