"""The editor of resources: a URI or a template, and a text or a file behind it."""

import base64
import re
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from console.pages.content.forms import ContentForm, area, as_stored
from console.templatetags.console import size
from mcp_runtime import mcp_apps
from mcp_runtime.models import Resource
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.uris import variables_of
from tenants.validation import MAXIMUM_JSON_CHARACTERS

KIB = 1024
# In base64 it is a third larger; the last KiB is for what else a configuration says.
MAXIMUM_FILE_BYTES = MAXIMUM_JSON_CHARACTERS // 4 * 3 - KIB
_EXPRESSION = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]*)\}")
_RESERVED = ":/?#[]@!$&'()*+,;="


class ResourceForm(ContentForm):
    """Content that clients read by its URI."""

    lead = (
        "Content that clients read by its URI: a text or a file. Below skill:// it is a skill's, below ui:// an app's."
    )
    service_fields: ClassVar[dict[str, str]] = {
        "config": "text",
        "config.text": "text",
        "config.blob": "file",
        "config.completions": "proposals",
        "is_template": "uri",
    }
    uri = forms.CharField(
        label="URI",
        max_length=1000,
        help_text="Such as notes://today. With {variables} it is a template of many: notes://{day}.",
    )
    name = forms.CharField(
        max_length=100, required=False, help_text="What clients list it as. Of a SKILL.md it is the skill's own."
    )
    mime_type = forms.CharField(
        label="MIME type", max_length=100, required=False, help_text="Such as text/markdown. Left empty, a file's own."
    )
    text = forms.CharField(
        required=False,
        strip=False,
        widget=area(12),
        help_text="In a template, {day} stands for what the URI says there.",
    )
    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        help_text=f"Instead of a text, at most {MAXIMUM_FILE_BYTES // KIB} KiB. A file of UTF-8 text becomes the text.",
    )
    proposals = forms.CharField(
        required=False,
        widget=area(3),
        help_text="Values for a template's variables, one a line, proposed while somebody types: day: monday",
    )
    field_order = ("uri", "name", "title", "description", "mime_type", "text", "file", "proposals")

    def __init__(self, data: Any = None, *, files: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, files, initial=initial)
        self.stored: dict[str, Any] = self.initial.get("config", {})
        if "blob" in self.stored:
            stored = size(len(base64.b64decode(self.stored["blob"])))
            self.fields["file"].help_text = (
                f"A file of {stored} is stored, and stays unless you choose another or write a text."
                f" At most {MAXIMUM_FILE_BYTES // KIB} KiB."
            )

    def clean_file(self) -> "UploadedFile[Any] | None":
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is not None and (file.size or 0) > MAXIMUM_FILE_BYTES:
            raise ValidationError(
                f"This file has {(file.size or 0) // KIB} KiB; {MAXIMUM_FILE_BYTES // KIB} are allowed."
            )
        return file

    def clean_proposals(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for number, line in enumerate(self.cleaned_data["proposals"].splitlines(), start=1):
            name, colon, value = (part.strip() for part in line.partition(":"))
            if line.strip() and not (name and colon and value):
                raise ValidationError(f"Line {number}: write a variable, “:” and a value.")
            if line.strip():
                found.setdefault(name, []).append(value)
        return found

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        has_text, file = bool(typed.get("text")), typed.get("file")
        if has_text and file is not None and typed["text"] != self.initial.get("text", ""):
            self.add_error("file", "Write a text or choose a file, not both. Choose the file again if it is to count.")
        elif not has_text and file is None and "file" not in self.errors and "blob" not in self.stored:
            self.add_error("text", "Write a text, or choose a file.")
        return typed

    def draft(self) -> ResourceDraft:
        """The resource as it was typed; only of a valid form."""
        typed = self.cleaned_data
        content, mime_type = self._content()
        proposals = {"completions": typed["proposals"]} if typed["proposals"] else {}
        is_app = typed["uri"].startswith(mcp_apps.SCHEME)
        return ResourceDraft(
            uri=typed["uri"],
            is_template="{" in typed["uri"],
            name=typed["name"],
            title=typed["title"],
            description=typed["description"],
            mime_type=typed["mime_type"] or ("" if is_app else mime_type),
            meta=typed["meta"],
            icons=typed["icons"],
            config=content | proposals,
        )

    def _content(self) -> tuple[dict[str, str], str]:
        """The text or blob that counts, and the MIME type that a browser gave a file."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is not None:
            return _written(file.read()), file.content_type or ""
        text = as_stored(self.cleaned_data["text"])
        if not text and "blob" in self.stored:
            return {"blob": self.stored["blob"]}, ""
        # A browser sends a text back with other line ends than it was given.
        stored = self.stored.get("text", "")
        return {"text": stored if as_stored(stored) == text else text}, ""

    @classmethod
    def values_of(cls, item: Any) -> dict[str, Any]:
        completions: dict[str, list[str]] = item.config.get("completions", {})
        lines = [f"{name}: {value}" for name, values in completions.items() for value in values]
        return super().values_of(item) | {"text": item.config.get("text", ""), "proposals": "\n".join(lines)}


def _written(content: bytes) -> dict[str, str]:
    """Bytes as a static resource holds them: as the text they are, or in base64."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    return {"blob": base64.b64encode(content).decode()} if "\0" in text else {"text": text}


def variables_schema(resource: Resource) -> dict[str, Any]:
    """A template's variables as JSON Schema: what a form to try it is made from."""
    names = variables_of(resource.uri) if resource.is_template else []
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def expanded(uri: str, values: dict[str, Any]) -> str:
    """The URI of a template with these values (RFC 6570 sections 3.2.2 and 3.2.3)."""
    return _EXPRESSION.sub(lambda found: quote(str(values[found[2]]), safe=_RESERVED if found[1] else ""), uri)
