"""What a token may be for (RFC 8707): an endpoint of the tenant. Which there are is told by a layer above."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from authlib.oauth2.rfc6749 import OAuth2Error


@dataclass(frozen=True, slots=True)
class Resource:
    """An endpoint. `url` is its canonical URL, under the name that it was asked for by: a token's audience."""

    url: str
    endpoint_id: UUID
    name: str


class Resources(Protocol):
    """The endpoints of one tenant; asked inside its context."""

    def named(self, url: str) -> Resource | None:
        """The endpoint that a `resource` parameter names; None where there is none of this tenant."""

    def all(self) -> list[Resource]:
        """Those to choose from where nothing was asked for, by name; a tenant's first few hundred."""


class InvalidTarget(OAuth2Error):
    """The resource is none of this tenant's (RFC 8707 section 2)."""

    error = "invalid_target"


def wanted(resources: Resources, url: str) -> Resource:
    """The endpoint that is asked for, or the only one of a tenant that has one; raises InvalidTarget."""
    found = wanted_if_named(resources, url)
    if found is not None:
        return found
    choices = resources.all()
    if len(choices) != 1:
        raise InvalidTarget("Say with the resource parameter which endpoint is meant.")
    return choices[0]


def wanted_if_named(resources: Resources, url: str) -> Resource | None:
    """The endpoint that is asked for, None where none was named; raises InvalidTarget."""
    found = resources.named(url) if url else None
    if url and found is None:
        raise InvalidTarget("There is no such endpoint here.")
    return found


def require_same(resources: Resources, url: str, endpoint_id: UUID) -> None:
    """Raises InvalidTarget where `url` names another endpoint than the grant is for; none is as good as the same."""
    if url and ((found := resources.named(url)) is None or found.endpoint_id != endpoint_id):
        raise InvalidTarget("This was granted for another resource.")
