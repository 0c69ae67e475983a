"""Personal data in texts: found by their form and, where there is one, by their check digits."""

import re
from collections.abc import Callable

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_PHONE = re.compile(r"(?<![\w.])\+[1-9][0-9](?:[ ().-]?[0-9]){6,12}(?![\w])")
_CARD = re.compile(r"(?<![\w.-])(?:[0-9][ -]?){12,18}[0-9](?![\w.-])")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
_IBAN_MODULUS = 97  # ISO 7064, ISO 13616
_LARGEST_DIGIT = 9


def without_personal_data(text: str) -> tuple[str, bool]:
    """The text with each of them replaced by its kind, and whether there was any."""
    redacted = text
    for pattern, is_one, kind in _KINDS:
        redacted = pattern.sub(_replacing(is_one, kind), redacted)
    return redacted, redacted != text


def _replacing(is_one: Callable[[str], bool], kind: str) -> Callable[[re.Match[str]], str]:
    return lambda found: kind if is_one(found[0]) else found[0]


def _always(_text: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    """Whether the digits pass Luhn's check (ISO/IEC 7812-1), and are not all the same."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [digit * 2 - _LARGEST_DIGIT * (digit * 2 > _LARGEST_DIGIT) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    packed = text.replace(" ", "")
    turned = "".join(str(int(character, 36)) for character in packed[4:] + packed[:4])
    return int(turned) % _IBAN_MODULUS == 1


_KINDS: tuple[tuple[re.Pattern[str], Callable[[str], bool], str], ...] = (
    (_EMAIL, _always, "[e-mail]"),
    (_IBAN, _is_iban, "[account number]"),
    (_CARD, _is_card, "[card number]"),
    (_SSN, _always, "[social security number]"),
    (_PHONE, _always, "[telephone number]"),
)
