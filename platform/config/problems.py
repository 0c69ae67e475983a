"""What a person at the command line did or has, that does not work: said in a sentence, without a traceback."""

import difflib
from collections.abc import Sequence


class Problem(Exception):
    """Something the person can put right; the message says what is wrong and what to do."""


def suggestion(word: str, known: Sequence[str]) -> str:
    """What may have been meant by a word that is not known."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
