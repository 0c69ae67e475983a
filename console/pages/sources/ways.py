"""Ways to the pages of sources, for other pages."""

from django.http import HttpResponse
from django.shortcuts import redirect

from console.access import MemberRequest
from mcp_runtime.models import Definition
from mcp_runtime.services.imported import source_slug


def to_definition(request: MemberRequest, endpoint: str, definition: Definition) -> HttpResponse:
    """To where what is imported is changed."""
    return redirect("definition_detail", request.actor.tenant.slug, endpoint, source_slug(definition), definition.pk)
