"""The API as one application: its routers, its documents, its boundary."""

import functools
import threading
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from console.api import (
    access_keys,
    alerts,
    api_keys,
    audit,
    billing,
    catalogue,
    clients,
    connections,
    definitions,
    endpoints,
    explanations,
    health,
    hosts,
    imports,
    invoices,
    members,
    plans,
    problems,
    prompts,
    provisioning,
    resale,
    resources,
    sso,
    tenant,
    tool_rules,
    tools,
    trusted_issuers,
    upstreams,
    usage,
    versions,
)
from console.api.requests import ApiKeyBearer, StrictJson

DESCRIPTION = """
Everything that the console can do for a tenant. The key names its tenant, so no path does.

What only a person can do is not here: signing in, making a tenant, accepting an invitation, leaving a tenant.

Lists are paged with `limit` and `offset`. A `PATCH` changes what it names. Whatever is refused is answered with
a problem document (RFC 9457) whose `code` and `number` never change meaning; `GET /problems` lists them.
"""


class Documentation(Swagger):
    """Swagger UI from our own origin, on a page that keeps our content security policy."""

    template = "api/docs.html"


class Api(NinjaAPI):
    """ninja's API, whose OpenAPI document says that a refusal is a problem document."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """The document, made once: that takes seconds, and anybody may ask for it as often as they like."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        with _MAKING:
            return _document(self, prefix)

    def made_schema(self, prefix: str) -> OpenAPISchema:
        """The document for a path, made anew."""
        schema = super().get_openapi_schema(path_prefix=prefix)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        response["content"] = {problems.CONTENT_TYPE: next(iter(response["content"].values()))}
        return schema


# Whoever asks meanwhile waits, and does not make it too.
_MAKING = threading.Lock()


@functools.cache
def _document(of: Api, prefix: str) -> OpenAPISchema:
    return of.made_schema(prefix)


api = Api(
    title="Joe Armstrong AGI MCP",
    version="1",
    description=DESCRIPTION,
    docs=Documentation(),
    urls_namespace="api",
    auth=ApiKeyBearer(),
    parser=StrictJson(),
    # Relative: the documentation's page may call only the origin it was opened at.
    servers=[{"url": "/"}],
)
problems.install(api)
for router in (
    tenant.router,
    members.router,
    provisioning.router,
    endpoints.router,
    hosts.router,
    tools.router,
    prompts.router,
    resources.router,
    upstreams.router,
    imports.router,
    definitions.router,
    access_keys.router,
    tool_rules.router,
    explanations.router,
    api_keys.router,
    connections.router,
    clients.router,
    sso.router,
    trusted_issuers.router,
    usage.router,
    billing.router,
    resale.router,
    plans.router,
    invoices.router,
    versions.router,
    health.router,
    alerts.router,
    audit.router,
    catalogue.router,
):
    api.add_router("", router)
