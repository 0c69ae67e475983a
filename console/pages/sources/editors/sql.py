"""The editor of databases: where one is, and the statements that become tools."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import JsonField
from console.pages.sources.editors.base import KIB, UploadingForm, area, write_only
from console.pages.sources.editors.rows import RowsForm, ToolRow
from mcp_runtime.models import Upstream
from mcp_runtime.sources.sql.config import DEFAULT_BYTES, DEFAULT_ROWS, DEFAULT_SECONDS, MAXIMUM_BYTES, MAXIMUM_ROWS

ENGINES = {"postgresql": "PostgreSQL server", "sqlite": "SQLite file"}
SSL_MODES = {
    "verify-full": "Encrypted, certificate and name checked",
    "verify-ca": "Encrypted, certificate checked",
    "require": "Encrypted, nothing checked",
    "disable": "Not encrypted",
}
SERVER = ("host", "port", "database", "user", "sslmode", "certificates")
PARAMETERS_HINT = (
    'A list of objects: [{"name": "customer", "type": "integer"}]. Types: integer, number, string, boolean, date,'
    " datetime, uuid, json, array (with items). Also: description, required, default, enum, minimum, maximum."
)


class StatementRow(ToolRow):
    """One statement, which is one tool."""

    mono: ClassVar[frozenset[str]] = frozenset({"name", "sql", "parameters"})

    name = forms.CharField(max_length=64, required=False)
    title = forms.CharField(max_length=200, required=False)
    description = forms.CharField(max_length=4096, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    sql = forms.CharField(
        label="SQL",
        max_length=32_768,
        required=False,
        strip=False,
        widget=area(4),
        help_text="One statement that only reads; :customer stands for the parameter of that name.",
    )
    parameters = JsonField(required=False, widget=area(3), help_text=PARAMETERS_HINT)
    row_limit = forms.IntegerField(
        label="Rows at most", required=False, min_value=1, max_value=MAXIMUM_ROWS, initial=DEFAULT_ROWS
    )
    byte_limit = forms.IntegerField(
        label="KiB at most",
        required=False,
        min_value=1,
        max_value=MAXIMUM_BYTES // KIB,
        initial=DEFAULT_BYTES // KIB,
    )
    timeout = forms.FloatField(
        label="Time-out in seconds", required=False, min_value=0.1, max_value=60, initial=DEFAULT_SECONDS
    )

    @property
    def is_blank(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in ("name", "title", "description", "sql"))

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        for name, sentence in (("name", "Name the tool, or remove it."), ("sql", "Write its statement.")):
            if not self.is_blank and not typed.get(name) and name not in self.errors:
                self.add_error(name, sentence)
        return typed

    def clean_parameters(self) -> list[Any]:
        parameters = [] if self.cleaned_data["parameters"] is None else self.cleaned_data["parameters"]
        if not isinstance(parameters, list):
            raise ValidationError("Write a JSON list: it starts with [ and ends with ].")
        return parameters

    def entry(self) -> dict[str, Any]:
        typed = self.cleaned_data
        names = ("name", "title", "description", "parameters", "row_limit", "timeout")
        entry = {name: typed[name] for name in names} | {"sql": typed["sql"].replace("\r\n", "\n")}
        entry["byte_limit"] = typed["byte_limit"] * KIB if typed["byte_limit"] else None
        return {name: value for name, value in entry.items() if value not in (None, "", [])}

    @classmethod
    def values_of(cls, entry: dict[str, Any]) -> dict[str, Any]:
        limit = {"byte_limit": max(1, entry["byte_limit"] // KIB)} if "byte_limit" in entry else {}
        return entry | limit | {"parameters": entry.get("parameters") or None}


class SqlForm(RowsForm, UploadingForm):
    """A server or a file, and its statements."""

    lead = "Statements that you write become tools with typed parameters. They can only read."
    row = StatementRow
    row_noun = "Statement"
    member = "statements"
    rows_lead = "Each is one tool. The server itself holds it to reading, in time, rows and bytes."
    service_fields: ClassVar[dict[str, str]] = {
        "config": "engine",
        **{f"config.{name}": name for name in (*SERVER, "search_path")},
        "material": "file",
        "secrets": "password",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Database", "A PostgreSQL server reached over TCP, or a file that you upload.", ("engine",)),
        (
            "PostgreSQL server",
            "Left as it is for an SQLite file. Give it a role that may read what the tools need and nothing else.",
            (*SERVER, "search_path", "password"),
        ),
        ("SQLite file", "", ("file",)),
    )
    mono: ClassVar[frozenset[str]] = frozenset(
        {"slug", "names_prefix", "host", "database", "user", "certificates", "search_path"}
    )

    engine = forms.ChoiceField(label="What it is", choices=ENGINES)
    host = forms.CharField(max_length=253, required=False, help_text="Such as db.example.com. Public addresses only.")
    port = forms.IntegerField(min_value=1, max_value=65_535, initial=5432, required=False)
    database = forms.CharField(max_length=63, required=False)
    user = forms.CharField(max_length=63, required=False)
    sslmode = forms.ChoiceField(label="Encryption", choices=SSL_MODES, required=False)
    certificates = forms.CharField(
        label="Certificate authorities",
        required=False,
        max_length=65_536,
        widget=area(2),
        help_text="As PEM, trusted instead of the system's.",
    )
    search_path = forms.CharField(
        label="Schemas", required=False, max_length=1_024, initial="public", help_text="Searched in this order."
    )
    password = write_only("Stored encrypted and never shown again. Left empty, the stored one stays.", "Password")
    file = forms.FileField(required=False, help_text="At most 16 MiB. It takes the place of the one before.")

    def first_rows(self) -> list[dict[str, Any]]:
        return [{}]

    def config(self) -> dict[str, Any]:
        typed = self.cleaned_data
        if typed["engine"] == "sqlite":
            return {"engine": "sqlite", "statements": self.entries}
        server = {name: typed[name] for name in SERVER if typed[name] not in (None, "")}
        path = typed["search_path"].replace(",", " ").split()
        return {"engine": "postgresql", **server, "statements": self.entries} | ({"search_path": path} if path else {})

    def secrets(self) -> dict[str, str]:
        return {"password": self.cleaned_data["password"]} if self.cleaned_data["password"] else {}

    def material(self) -> bytes | None:
        return self.uploaded()

    @classmethod
    def values_of(cls, upstream: Upstream) -> dict[str, Any]:
        config = upstream.config
        stored = {name: config[name] for name in ("engine", *SERVER) if name in config}
        return super().values_of(upstream) | stored | {"search_path": ", ".join(config.get("search_path", ["public"]))}
