"""What our SCIM service says of itself, and what it tolerates of those that speak to it."""

from functools import cache
from typing import Any, cast
from uuid import UUID

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
    Pagination,
    Patch,
    Reference,
    Resource,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.service import ScimService
from scim2_server.utils import load_default_resource_types, load_default_schemas

from core import crypto

MAXIMUM_BODY_BYTES = 1_048_576
MAXIMUM_OPERATIONS = 100
MAXIMUM_RESULTS = 200
CURSOR_SECONDS = 3_600
CURSORS = "scim cursors"

# Microsoft Entra filters what it removes by a value and adds what its filter does not find; others send attributes that
# nobody declared. None of it can be taken for something else.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=MAXIMUM_OPERATIONS, max_payload_size=MAXIMUM_BODY_BYTES),
    filter=Filter(supported=True, max_results=MAXIMUM_RESULTS),
    # Nobody signs in here with a password that another system knows.
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    pagination=Pagination(
        cursor=True,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=MAXIMUM_RESULTS // 2,
        max_page_size=MAXIMUM_RESULTS,
        cursor_timeout=CURSOR_SECONDS,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="The token of one provisioning connection, made in the tenant's settings.",
            spec_uri=Reference[External]("https://datatracker.ietf.org/doc/html/rfc6750"),
            primary=True,
        )
    ],
)


@cache
def provider() -> ScimProvider:
    """Users with the enterprise extension, and groups (RFC 7643 section 4)."""
    return ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=CONFIG, policy=POLICY
    )


def model_of(kind: str) -> type[Resource[Any]]:
    """The model of User or Group, extensions included."""
    return cast(type[Resource[Any]], provider().model_for(kind))


def service_for(connection_id: UUID) -> ScimService:
    """The protocol over that for one connection: nobody else's cursors are good there."""
    return ScimService(provider(), secret=crypto.sign(CURSORS, connection_id.bytes))
