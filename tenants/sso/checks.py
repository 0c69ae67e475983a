"""What a login is put to: each check is noted by name, and the first that fails ends it and says what came instead."""

from dataclasses import dataclass, field
from typing import Any

LONGEST_SHOWN = 300
MAXIMUM_GROUPS = 500
MAXIMUM_GROUP = 255
MAXIMUM_SUBJECT = 1000


class CheckFailed(Exception):
    """A login does not count; the message is what is wrong with it, fit to show to whoever configures the provider."""


@dataclass(slots=True)
class Trace:
    """The checks of one login in their order, and what the provider said of the person."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def require(self, check: str, sentence: str, *, holds: bool, came: object = "") -> None:
        """Notes a check. Raises CheckFailed with `sentence` unless it holds; `came` is what the provider sent."""
        self.steps.append({"check": check, "ok": bool(holds), "came": shown(came)})
        if not holds:
            self.fail(sentence)

    def failed(self, check: str, sentence: str, came: object = "") -> CheckFailed:
        """Notes a check that failed; what to raise."""
        self.steps.append({"check": check, "ok": False, "came": shown(came), "sentence": sentence})
        return CheckFailed(sentence)

    def fail(self, sentence: str) -> None:
        """Says what was wrong at the last check, and raises CheckFailed."""
        self.steps[-1]["sentence"] = sentence
        raise CheckFailed(sentence)


@dataclass(frozen=True, slots=True)
class Asserted:
    """A person as a provider vouches for them.

    `email_verified` None: it does not say. `index` is its name of the session; `hint` what it wants to be shown when
    the person signs out here.
    """

    subject: str
    email: str = ""
    email_verified: bool | None = None
    name: str = ""
    groups: tuple[str, ...] = ()
    index: str = ""
    hint: str = field(default="", repr=False)


def shown(value: object) -> str:
    """A value as it can be shown: one line, cut, without what a page or a database cannot hold."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:LONGEST_SHOWN])
    return f"{printable}…" if len(text) > LONGEST_SHOWN else printable


def groups_of(value: object) -> tuple[str, ...]:
    """The groups in a claim: a list of texts, or one text; whatever else stands there is no group."""
    entries = value if isinstance(value, list) else [value]
    texts = [text for text in entries if isinstance(text, str) and 0 < len(text) <= MAXIMUM_GROUP]
    return tuple(dict.fromkeys(text for text in texts if text.isprintable()))[:MAXIMUM_GROUPS]
