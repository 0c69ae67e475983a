"""Every editor of tools, a line for each kind of source."""

from console.pages.tools.builtin import BuiltinToolForm
from console.pages.tools.forms import ToolForm
from console.pages.tools.http import HttpToolForm
from core import refusals
from core.refusals import Refused
from mcp_runtime.sources.registry import SOURCES

BUILTIN = "builtin"
EDITORS: dict[str, type[ToolForm]] = {BUILTIN: BuiltinToolForm, "http": HttpToolForm}


def kinds() -> list[dict[str, str]]:
    """What can be chosen beside the built-in functions, which are chosen one by one."""
    return [
        {"kind": kind, "title": SOURCES[kind].title, "lead": editor.lead}
        for kind, editor in EDITORS.items()
        if kind != BUILTIN
    ]


def editor_of(source: str) -> type[ToolForm]:
    """The form of a kind of source; raises Refused(NOT_FOUND)."""
    editor = EDITORS.get(source)
    if editor is None:
        raise Refused(refusals.NOT_FOUND)
    return editor
