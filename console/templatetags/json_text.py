"""JSON as people read it."""

import json

from django import template

register = template.Library()


@register.filter
def json_text(value: object) -> str:
    """A value as indented JSON; what it holds is escaped by the template like any other text."""
    return json.dumps(value, indent=2, ensure_ascii=False)
