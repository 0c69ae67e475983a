"""What parsers are tried with: texts, JSON, documents whose pieces moved; and with how many of each.

FUZZ_EXAMPLES says how many; without it they are few, and the same each time.
"""

import json
import os
import random
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

VARIABLE = "FUZZ_EXAMPLES"
EXAMPLES = int(os.environ.get(VARIABLE, "40"))
# As deep as decoders follow, and so deeper than whatever walks through the value may.
DEPTHS = [100, 5_000, 9_950, 9_990, 9_996]
ODD = [
    "", " ", "\0", "\r\nx: y", "\ud800", "\u2028", "\u202ea", "ä", "%00", "%ff", "..", "//", "*", "'", '"', "\\",
    "1e400", "https://[::1", "https://a:99999/", "https://\u2100.com", "https://a@b/", "javascript:alert(1)", "xn--a.x",
    "a" * 5_000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999+14:00", "AQAB", "=", "null", "true",
]  # fmt: skip
TEXTS = st.text(max_size=60) | st.sampled_from(ODD)


@dataclass(frozen=True)
class Deep:
    """Lists in lists, which hypothesis could not print."""

    depth: int

    @property
    def mark(self) -> str:
        """What stands for it until it is written."""
        return f"lists {self.depth} deep"


def written(value: Any) -> str:
    """A value as JSON, in which numbers may be none that JSON knows."""
    text = json.dumps(value, default=lambda deep: deep.mark)
    for depth in DEPTHS:
        text = text.replace(f'"{Deep(depth).mark}"', "[" * depth + "]" * depth)
    return text


def understood(value: Any) -> Any:
    """A value as a decoder hands it over; None for one that it does not follow."""
    try:
        return json.loads(written(value))
    except RecursionError:
        return None


NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**18, -(10**18), 10**400, -(10**400), 2**53, 2**63, 2**64, 1e308, -0.0])
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXTS, inside, max_size=4),
    max_leaves=10,
)
DEEP_JSON = JSON | st.sampled_from(DEPTHS).map(Deep)
WORDS = [
    "",
    "<a/>",
    "<!--x-->",
    "<?x y?>",
    "&#0;",
    "]]>",
    ' ID="x"',
    "xmlns:",
    "\u2028",
    "99999",
    "\0",
    "<![CDATA[x]]>",
    "[",
    "(",
    '"',
    ".",
    "=",
    ",",
    "%",
]


def examples(share: int = 1) -> settings:
    """One in `share` of the examples that are asked for: through a server each costs a hundred times as much."""
    return settings(
        max_examples=max(EXAMPLES // share, 5),
        derandomize=VARIABLE not in os.environ,
        deadline=None,
        database=None,
        # To shrink what fails through a server takes longer than a test may.
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if share == 1 else [])],
        suppress_health_check=list(HealthCheck),
    )


def mutated(text: str, seed: int) -> str:
    """The document with pieces cut out, doubled, moved or replaced."""
    chance = random.Random(seed)  # noqa: S311  to be the same again
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.choice([1, 4, 16, 64, 256]))
        piece = chance.choice([*WORDS, text[begin:end] * 2, text[end : 2 * end - begin]])
        text = text[:begin] + piece + text[end:]
    return text


def mutations(*texts: str) -> st.SearchStrategy[str]:
    """Mutations of any of these documents."""
    return st.builds(mutated, st.sampled_from(texts), st.integers(0))


HERE = "@here"  # stands for what a claim should say, until a test knows it
CLAIMED = st.one_of(
    DEEP_JSON,
    NUMBERS,
    st.sampled_from([10**400, -(10**400), 0, -1, 2**53, float("nan"), float("inf"), "\0", "\ud800"]),
    TEXTS,
    st.lists(st.just(HERE) | NUMBERS | TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["jkt", "x", HERE]), st.just(HERE) | JSON, max_size=2),
)


def said(names: list[str], values: st.SearchStrategy[Any] = DEEP_JSON) -> st.SearchStrategy[dict[str, Any]]:
    """Up to four members of these names, each of any kind; often one, so that nothing else is wrong."""
    member = st.sampled_from(names)
    return st.dictionaries(member, values, max_size=4) | st.dictionaries(member, values, min_size=1, max_size=1)


KEYS = said(["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops", "x5c", "d", "k"]) | st.builds(
    lambda kind, curve, more: {"kty": kind, "crv": curve, **more},
    st.sampled_from(["RSA", "EC", "OKP", "oct"]),
    st.sampled_from(["P-256", "Ed25519", "X25519", "secp256k1"]),
    said(["x", "y", "n", "e", "kid", "use", "alg", "key_ops", "x5c"]),
)
