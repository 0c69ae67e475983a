"""What the doctor finds of one part."""

from dataclasses import dataclass
from enum import Enum, auto


class Verdict(Enum):
    """How a part stands."""

    WELL = auto()
    BROKEN = auto()
    ABSENT = auto()  # it cannot be judged now, and need not be


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: what was found, and what to do when it is broken."""

    part: str
    verdict: Verdict
    text: str
    advice: str = ""


def well(part: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(part, Verdict.WELL, text)


def broken(part: str, text: str, advice: str) -> Finding:
    """It is not."""
    return Finding(part, Verdict.BROKEN, text, advice)


def absent(part: str, text: str) -> Finding:
    """It is not there to be judged."""
    return Finding(part, Verdict.ABSENT, text)
