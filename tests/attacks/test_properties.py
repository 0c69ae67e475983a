"""Whatever arrives, a parser answers or refuses in its own words: found by hypothesis, the same examples each time.

FUZZ_EXAMPLES says how many examples of each kind; `make fuzz` asks for many.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.foreign_json import NotAnObject, foreign_object
from core.refusals import Refused
from tenants.authorization import redirects
from tenants.authorization.asked import single
from tenants.authorization.assertions import named_in
from tenants.authorization.descriptions import description_of
from tenants.authorization.keys_of_clients import problem
from tenants.domain_proof import normal_domain
from tenants.models import AuthMethod
from tenants.sso.domains import domain_of
from tenants.sso.saml.config import provider_checked
from tenants.sso.saml.documents import BadDocument, decoded, inflated, parsed, require_moments, require_plain_signatures
from tenants.sso.saml.keys import BadCertificate, certificate_text
from tenants.sso.saml.metadata import provider_in
from tests.saml_messages import PAIR, Response, metadata

VARIABLE = "FUZZ_EXAMPLES"
_few = settings(
    max_examples=int(os.environ.get(VARIABLE, "40")),
    derandomize=VARIABLE not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXTS = st.text(max_size=60) | st.sampled_from(
    ["https://[::1", "https://a:99999/", "https://\u2100.com", "\0", "xn--a.x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXTS, inside, max_size=4),
    max_leaves=10,
)
DESCRIBED = ["client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method"]
RESPONSE = Response(acs="https://a.example/acs", audience="https://a.example", name_id="dora@a.example").xml()
METADATA = metadata(PAIR)
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
]


def mutated(text: str, seed: int) -> str:
    """The document with pieces cut out, doubled, moved or replaced."""
    chance = random.Random(seed)  # noqa: S311  to be the same again
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.choice([1, 4, 16, 64, 256]))
        piece = chance.choice([*WORDS, text[begin:end] * 2, text[end : 2 * end - begin]])
        text = text[:begin] + piece + text[end:]
    return text


def _response(xml: str) -> None:
    root = parsed(xml.encode("utf-8", "replace"))
    require_moments(root)
    require_plain_signatures(root)


def _metadata(xml: str) -> None:
    provider_checked(provider_in(xml.encode("utf-8", "replace")))


def _described(said: dict[str, Any]) -> None:
    description_of(said, default_method=AuthMethod.NONE, methods=frozenset(AuthMethod))


def _redirect(text: str) -> None:
    if not redirects.problem(text):
        assert redirects.destination(text)
        assert redirects.matches(text, text)


type Check = Callable[[Any], object]
CHECKS: dict[str, tuple[Check, st.SearchStrategy[Any], tuple[type[Exception], ...]]] = {
    "SAML responses": (_response, st.integers(0).map(lambda seed: mutated(RESPONSE, seed)), (BadDocument,)),
    "SAML metadata": (_metadata, st.integers(0).map(lambda seed: mutated(METADATA, seed)), (BadDocument, Refused)),
    "form fields of SAML": (decoded, TEXTS, (BadDocument,)),
    "queries of SAML": (inflated, TEXTS, (BadDocument,)),
    "certificates": (
        certificate_text,
        st.integers(0).map(lambda seed: mutated(PAIR.certificate, seed)),
        (BadCertificate,),
    ),
    "registrations": (_described, st.dictionaries(st.sampled_from(DESCRIBED), JSON), (OAuth2Error,)),
    "redirects": (_redirect, TEXTS, ()),
    "parameters": (single, st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=2)), (OAuth2Error,)),
    "assertions": (named_in, TEXTS, ()),
    "keys of clients": (lambda said: problem({"keys": said}, ""), JSON, ()),
    "domains": (lambda text: (normal_domain(text), domain_of(text)), TEXTS, ()),
    "JSON of others": (foreign_object, st.binary(max_size=60), (NotAnObject,)),
}


@pytest.mark.parametrize("kind", CHECKS)
def test_a_parser_answers_or_refuses_in_its_own_words(kind: str) -> None:
    check, inputs, refusals = CHECKS[kind]

    def tried(value: Any) -> None:
        try:
            check(value)
        except refusals:
            return

    _few(given(inputs)(tried))()
