"""Which names tenants may bring along: none of the platform's, none that many share, none that looks like another."""

import unicodedata
from functools import cache
from urllib.parse import urlsplit

import idna
from django.conf import settings
from publicsuffixlist import PublicSuffixList

from core.refusals import Refused
from tenants.domain_proof import normal_domain
from tenants.hosts.directory import hosting
from tenants.validation import refused_fields

# Of no DNS that everybody sees (RFC 6761, RFC 6762, RFC 7686, RFC 9476), or of networks' own machinery (RFC 3172).
SPECIAL = frozenset({"alt", "arpa", "home", "internal", "invalid", "lan", "local", "localhost", "onion"})
# Letters of other scripts that look like Latin ones: a label of these alone reads as a Latin word (UTS #39).
_CYRILLIC = (0x430, 0x435, 0x43E, 0x440, 0x441, 0x443, 0x445, 0x455, 0x456, 0x458, 0x4BB, 0x4CF, 0x501, 0x51B, 0x51D)
_GREEK = (0x3B1, 0x3B9, 0x3BA, 0x3BD, 0x3BF, 0x3C1, 0x3C5, 0x3C7, 0x3C9)
_ARMENIAN = (0x566, 0x570, 0x57D, 0x581, 0x585)
_LIKE_LATIN = frozenset(map(chr, (*_CYRILLIC, *_GREEK, *_ARMENIAN)))


def claimable(text: str) -> str:
    """The host name that is meant, as it is compared. Raises Refused(INVALID_INPUT) for one that nobody may claim."""
    name = normal_domain(text)
    if not name:
        raise _refused("Enter a host name, such as mcp.example.com.")
    if name in _own() or hosting().is_below(name):
        raise _refused("This is one of the platform's own names.")
    if name.rpartition(".")[2] in SPECIAL or _suffixes().privatesuffix(name) is None:
        raise _refused("This is no name of a single site: many share it, or not everybody knows it.")
    if not all(_reads_as_it_is(label) for label in name.split(".")):
        raise _refused("This mixes alphabets, or reads like another name. Choose one that cannot be mistaken.")
    return name


def _refused(sentence: str) -> Refused:
    return refused_fields({"name": sentence})


def _own() -> set[str]:
    urls = (settings.CONSOLE_URL, settings.RUNTIME_URL, settings.RUNTIME_INTERNAL_URL)
    named = {urlsplit(url).hostname or "" for url in urls}
    return named | {name.lower() for name in (*settings.ALLOWED_HOSTS, *settings.RUNTIME_HOSTS)}


def _reads_as_it_is(label: str) -> bool:
    """Whether a label is plain, or an international one (IDNA 2008) of one alphabet that is not taken for Latin."""
    if not label.startswith("xn--"):
        return True
    try:
        text = idna.decode(label)
    except idna.IDNAError:
        return False
    letters = [character for character in text if character.isalpha()]
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in letters}
    is_one = len(scripts) == 1 or scripts <= {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}
    return is_one and not all(letter in _LIKE_LATIN for letter in letters)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
