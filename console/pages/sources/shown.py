"""What the pages of a source show of it: its progress, its definitions as somebody filters them, its secrets."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from console.access import MemberRequest
from console.pages.sources.words import Standing, is_under_way, of_definition, of_run
from console.rendering import query_in
from mcp_runtime.models import Definition, Form, ImportRun, Upstream
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.trust.scan import RULES
from mcp_runtime.trust.texts import made_visible
from mcp_runtime.upstream_selectors import Standing as Asked
from mcp_runtime.upstream_selectors import Wanted, served_of, shown_of
from tenants.vault.selectors import secrets_of

FLAGGED_SHOWN = 10
# What is picked when it is all that a filter leaves, on every page of it.
MATCHING = "matching"
STATES = {
    "": "Any state",
    "waiting": "Waits for a decision",
    "new": "New",
    "drifted": "Drifted",
    "gone": "Gone",
    "approved": "Approved",
}
FORMS = {"": "Tools, prompts and resources", "tool": "Tools", "prompt": "Prompts", "resource": "Resources"}
FINDINGS = {"": "With and without findings", "yes": "With findings", "no": "Without findings"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which definitions somebody asks for, in the query of the page."""

    query: str
    state: str
    form: str
    findings: str

    @classmethod
    def of(cls, request: MemberRequest) -> "Filter":
        """What the address says."""
        return cls.read(request.GET)

    @classmethod
    def read(cls, asked: QueryDict) -> "Filter":
        """What a query says; anything unknown asks for nothing in particular."""
        state, form, findings = asked.get("state", ""), asked.get("form", ""), asked.get("findings", "")
        return cls(
            query=query_in(asked),
            state=state if state in STATES else "",
            form=form if form in FORMS else "",
            findings=findings if findings in FINDINGS else "",
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.query or self.state or self.form or self.findings)

    def wanted(self) -> Wanted:
        """The same for the selector."""
        findings = {"yes": True, "no": False}.get(self.findings)
        standing = Asked(self.state) if self.state else None
        return Wanted(self.query, standing, Form(self.form) if self.form else None, findings)

    def told(self) -> list[tuple[str, str]]:
        """What narrows it beside the search, as its form says it."""
        chosen = (("State", STATES, self.state), ("Kind", FORMS, self.form), ("Findings", FINDINGS, self.findings))
        return [(label, words[value]) for label, words, value in chosen if value]

    def text(self, **more: str) -> str:
        """The same as the query of an address."""
        named = {"q": self.query, "state": self.state, "form": self.form, "findings": self.findings} | more
        return urlencode({name: value for name, value in named.items() if value})


@dataclass(frozen=True, slots=True)
class Row:
    """One definition in a list; `token` is what is posted of it: its id and the digest of what is shown."""

    id: UUID
    name: str
    title: str
    description: str
    form: str
    standing: Standing
    served_as: str
    findings: list[dict[str, str]]
    obstacle: str
    chosen: bool
    waits: bool
    token: str


def rows_shown(definitions: list[Definition]) -> list[Row]:
    """Definitions as their table shows them."""
    served = served_of(definitions)
    return [_row(definition, served.get(definition.pk)) for definition in definitions]


def findings_shown(definition: Definition) -> list[dict[str, str]]:
    """What was found, each with the sentence of its rule; what is not seen is written out."""
    return [
        {
            "rule": finding["rule"],
            "sentence": RULES.get(finding["rule"], finding["rule"]),
            "place": made_visible(finding["place"]),
            "excerpt": made_visible(finding.get("excerpt", "")),
        }
        for finding in definition.findings
    ]


def progress_of(run: ImportRun | None) -> dict[str, Any]:
    """How the last import goes or went."""
    if run is None:
        return {"run": None}
    counts = {"new": "new", "changed": "changed", "gone": "gone", "unchanged": "unchanged", "refused": "refused"}
    told = [f"{run.counts[name]:,} {word}" for name, word in counts.items() if run.counts.get(name)]
    return {
        "run": run,
        "run_standing": of_run(run),
        "is_running": is_under_way(run),
        "told": ", ".join(told) or "It offers nothing.",
        "was_cut_short": not run.error and not is_under_way(run) and run.state != "done",
    }


def secrets_shown(upstream: Upstream) -> list[dict[str, Any]]:
    """The names of its secrets, and whether each may be sent to where it is now."""
    destination = destination_of(upstream)
    return [{"secret": secret, "is_used": secret.destination == destination} for secret in secrets_of(upstream.pk)]


def destination_of(upstream: Upstream) -> str:
    """Where its secrets go; empty for a kind that this platform does not have any more."""
    source = UPSTREAM_SOURCES.get(upstream.kind)
    return source.destination(upstream.config) if source else ""


def _row(definition: Definition, served: Any) -> Row:
    shown = shown_of(definition)
    is_served = served is not None and served.enabled
    return Row(
        id=definition.pk,
        name=made_visible(definition.name),
        title=made_visible(str(shown.get("title", ""))),
        description=made_visible(str(shown.get("description", ""))),
        form=definition.form,
        standing=of_definition(definition, is_served=is_served),
        served_as=str(served) if is_served else "",
        findings=findings_shown(definition),
        obstacle=definition.obstacle,
        chosen=definition.chosen,
        waits=definition.offered is not None or definition.is_gone,
        token=f"{definition.pk}.{digest_of(shown)}",
    )
