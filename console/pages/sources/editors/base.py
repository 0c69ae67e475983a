"""What the editors of every kind of source have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms import BoundField
from django.utils.text import slugify

from console.forms import ServiceForm
from mcp_runtime.models import Upstream
from mcp_runtime.services.upstreams import MAXIMUM_MATERIAL_BYTES, UpstreamFields
from mcp_runtime.sources.upstream import UpstreamDraft

type Uploaded = UploadedFile[bytes]

KIB = 1024
LONGEST_PASTE = 512 * KIB
MAXIMUM_SECRET_CHARACTERS = 16_384
LIMIT_MIB = MAXIMUM_MATERIAL_BYTES // KIB // KIB


def area(rows: int) -> forms.Textarea:
    """A text area for code."""
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


def write_only(help_text: str, label: str = "Value") -> forms.CharField:
    """A field for a secret: a page never shows what was typed into it."""
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=MAXIMUM_SECRET_CHARACTERS,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=help_text,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an editor; with each field, whether it holds code."""

    title: str
    lead: str
    fields: list[tuple[BoundField, bool]]


class SourceForm(ServiceForm):
    """What every source has. An editor adds its kind's own fields, and says how they make a configuration."""

    lead: ClassVar[str]
    # Title, lead and fields of each part that the kind adds.
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = ()
    mono: ClassVar[frozenset[str]] = frozenset({"slug", "names_prefix"})
    # What a row of this editor is called; empty where it has none.
    row_noun: ClassVar[str] = ""

    name = forms.CharField(max_length=80, help_text="What people call it: the service, or the team whose it is.")
    slug = forms.CharField(
        label="Address",
        max_length=24,
        required=False,
        help_text="Small letters, digits and underscores; it stays. Left empty, it is made from the name.",
    )
    names_prefix = forms.CharField(
        label="Prefix",
        max_length=32,
        required=False,
        help_text="Put before the names of its tools, so that two sources may have tools of the same name. Left empty:"
        " the address and an underscore.",
    )
    plain_names = forms.BooleanField(label="Leave its names as they are, without a prefix", required=False)

    def __init__(self, data: Any = None, files: Any = None, *, upstream: Upstream | None = None) -> None:
        initial = {} if upstream is None else self.values_of(upstream)
        super().__init__(data, files, initial=initial)
        self.upstream = upstream
        if upstream is not None:
            del self.fields["slug"]

    def __init_subclass__(cls) -> None:
        # A form's own `prefix` is something else.
        cls.service_fields = {"prefix": "names_prefix", **cls.service_fields}

    def parts(self) -> list[Part]:
        """The editor's parts."""
        common = ("Names", "How it is told from others.", ("name", "slug", "names_prefix", "plain_names"))
        return [
            Part(title, lead, [(self[name], name in self.mono) for name in names if name in self.fields])
            for title, lead, names in (common, *self.groups)
        ]

    def clean_slug(self) -> str:
        typed: str = self.cleaned_data["slug"]
        made = slugify(self.cleaned_data.get("name", "")).replace("-", "_").strip("_")
        return typed or made.lstrip("0123456789_")[:24].strip("_")

    def config(self) -> dict[str, Any]:
        """The kind's configuration as it was typed; only of a valid form."""
        raise NotImplementedError

    def secrets(self) -> dict[str, str]:
        """What was typed of secrets; those that are left out stay as they are."""
        return {}

    def material(self) -> bytes | None:
        """What was uploaded or pasted; None leaves what is stored."""
        return None

    def service_input(self) -> UpstreamFields:
        """What the service takes; only of a valid form."""
        typed = self.cleaned_data
        prefix = "" if typed["plain_names"] else (typed["names_prefix"] or self._usual_prefix())
        draft = UpstreamDraft(self.config(), self.secrets(), self.material())
        return UpstreamFields(typed["name"], prefix, draft)

    def rearranged(self, _act: str) -> "SourceForm | None":
        """The form with a row more or less, where it has rows and `act` asks for that."""
        return None

    @property
    def lost_file(self) -> bool:
        """Whether a file was chosen that has to be chosen again: browsers forget it with the answer."""
        return bool(self.files) and self.is_bound

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        """What the form shows for a source that is there already."""
        return {"name": upstream.name, "names_prefix": upstream.prefix, "plain_names": not upstream.prefix}

    def _usual_prefix(self) -> str | None:
        return f"{self.upstream.slug}_" if self.upstream is not None else None


class UploadingForm(SourceForm):
    """Of kinds to which a file may be uploaded."""

    def clean_file(self) -> Uploaded | None:
        """Within the limit of what is stored."""
        file: Uploaded | None = self.cleaned_data["file"]
        if file is not None and (file.size or 0) > MAXIMUM_MATERIAL_BYTES:
            raise ValidationError(f"This file is larger than {LIMIT_MIB} MiB.")
        return file

    def uploaded(self) -> bytes | None:
        """The file's bytes."""
        file: Uploaded | None = self.cleaned_data.get("file")
        return None if file is None else file.read()


class SecretPairForm(SourceForm):
    """Of kinds whose secrets have names that their author chooses: one is entered here, more on the source's page."""

    secret_name = forms.CharField(label="Name", required=False, max_length=128)
    secret_value = write_only("Stored encrypted and never shown again. More can be added on the source's page.")

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(typed.get("secret_name")) != bool(typed.get("secret_value")) and "secret_name" not in self.errors:
            self.add_error("secret_value", "A secret has a name and a value; what was typed here is not kept.")
        return typed

    def secrets(self) -> dict[str, str]:
        typed = self.cleaned_data
        return {typed["secret_name"]: typed["secret_value"]} if typed["secret_name"] else {}
