"""What a text can hide from the person who approves it, and still tell a model."""

import re
import unicodedata
from collections.abc import Iterator

# Invisible, or changing the order of what is seen (UTS #39, UAX #9), and the tag characters that spell hidden ASCII.
_INVISIBLE = {"Cf", "Co", "Cn"}
_VISIBLE_JOINERS = {"\u200c", "\u200d"}  # between letters of some scripts, and in emoji
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_FILLERS = re.compile("[\u115f\u1160\u3164\uffa0\u2800]")
_ESCAPES = re.compile(r"\x1b|\x9b|\\x1b\[|\\u001b\[|\\033\[")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Said to a model rather than about a tool. Wide on purpose: a finding asks a person to look, it refuses nothing.
_ADDRESSED = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|all|other)\b"
    r".{0,30}\b(?:instructions?|prompts?|rules?|messages?|tools?)\b"
    r"|<\s*/?\s*(?:important|system|secret|instructions?|admin)\s*>"
    r"|\b(?:do not|don't|never)\b.{0,30}\b(?:tell|inform|mention|reveal|show|notify)\b.{0,30}\b(?:user|human|person)\b"
    r"|\b(?:without|before)\b.{0,20}\b(?:telling|informing|asking)\b.{0,20}\b(?:user|human)\b"
    r"|\byou (?:must|should|have to|need to) (?:always |first |also )?(?:call|use|run|invoke|read|send|include|pass)\b"
    r"|\b(?:before|after|when|whenever) (?:using|calling|you (?:use|call)) (?:this|any|other)\b.{0,40}\btools?\b"
    r"|\b(?:system prompt|hidden instructions?|jailbreak)\b"
    # The same in other languages.
    r"|\b(?:ignorier|vergiss|missachte)\w*\b.{0,40}\b(?:anweisung|befehl|vorgabe)\w*"
    r"|\b(?:ignor|oubli)\w*\b.{0,40}\b(?:instructions?|consignes?) pr[ée]c[ée]dentes?"
    r"|\bignor\w*\b.{0,40}\b(?:instrucciones|instru[çc][õo]es|istruzioni)\b"
    r"|\u0438\u0433\u043d\u043e\u0440\u0438\u0440\w+.{0,40}\u0438\u043d\u0441\u0442\u0440\u0443\u043a\u0446\w+"
    r"|\u5ffd\u7565.{0,20}\u6307[\u4ee4\u793a]|\u7121\u8996.{0,20}\u6307\u793a|\u7121\u8996.{0,20}\u6307\u4ee4"
    r"|(?:~|\$home|/root|/home/\w+)/\.(?:ssh|aws|cursor|config|env)\b|\bid_rsa\b|/etc/passwd\b",
    re.IGNORECASE | re.DOTALL,
)

_SECRETS = re.compile(
    r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{40,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}|\bey[JK][A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|-----BEGIN (?:[A-Z ]+ )?PRIVATE KEY-----|\b[a-z][a-z0-9+.-]*://[^\s/:@]{1,64}:[^\s/@]{3,}@",
)


def hidden_characters(text: str) -> Iterator[str]:
    """Each character that is not seen, by its name."""
    for position, character in enumerate(text):
        if character in _VISIBLE_JOINERS and 0 < position < len(text) - 1 and not text[position - 1].isascii():
            continue
        if is_hidden(character):
            yield unicodedata.name(character, f"U+{ord(character):04X}")


def is_hidden(character: str) -> bool:
    """Whether a character is not seen, wherever it stands."""
    if character.isascii():
        return False
    if unicodedata.category(character) in _INVISIBLE or _FILLERS.match(character):
        return True
    # A variation selector belongs to an emoji; those of the supplement spell hidden bytes.
    return bool(_VARIATION.match(character)) and character not in ("\ufe0e", "\ufe0f")


def made_visible(text: str) -> str:
    """The text with each character that is not seen, or that moves others, written out: `⟨U+200B⟩`."""
    return "".join(f"⟨U+{ord(one):04X}⟩" if is_hidden(one) or _CONTROL.match(one) else one for one in text)


def has_escapes(text: str) -> bool:
    """Whether it holds terminal escapes or control characters, plain or written out."""
    return bool(_ESCAPES.search(text) or _CONTROL.search(text))


def addressed_to_model(text: str) -> str:
    """The first words that instruct a model instead of describing a tool; empty where there are none."""
    found = _ADDRESSED.search(text)
    return found[0] if found else ""


def has_secret(text: str) -> bool:
    """Whether it holds what looks like a key, a token or a password."""
    return bool(_SECRETS.search(text))


def without_secrets(text: str) -> str:
    """The text with each of them replaced."""
    return _SECRETS.sub("[secret]", text)


def scripts(name: str) -> set[str]:
    """The scripts that the letters of a name are of, by the first word of their Unicode names."""
    return {unicodedata.name(character, "?").split(" ", 1)[0] for character in name if character.isalpha()}


def looks_like(name: str) -> str:
    """The name as it is seen: two that look alike come out the same (after UTS #39's skeletons)."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_CONFUSABLE)
    return "".join(character for character in folded if not unicodedata.combining(character))


# Letters of Cyrillic, Greek and Armenian that look Latin, and digits that look like letters.
_CONFUSABLE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0432\u043d\u043a\u043c\u0442\u0437"
    "\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03c7\u03b5\u03b1\u0475\u0461\u0578\u057d\u0581\u0570\u058501",
    "aeopcyxijshdqwbhkmt3opviktuxeavwnughool",
)
