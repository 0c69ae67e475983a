"""Imports that end as imports must not: by a crash, by a dead process, never."""

import os
import threading
from collections import Counter
from pathlib import Path

from tests.openapi_corpus.importing import Outcome


def misbehave(path: Path) -> Outcome:
    """What the file's name says."""
    if path.name == "raise":
        raise ValueError("no good")
    if path.name == "die":
        os._exit(3)
    if path.name == "hang":
        threading.Event().wait()
    return Outcome(operations=2, tools=1, refused=Counter({"for a reason": 1}))
