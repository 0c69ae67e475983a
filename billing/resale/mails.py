"""What buyers are told by mail: how to manage what they bought, that a payment failed, that it is over.

Subjects and texts name the seller, since that is whom a buyer knows. A link that manages a purchase stands in the text
alone, never in a header, which mail servers log.
"""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

logger = logging.getLogger(__name__)

_AGENT = "Joe Armstrong AGI MCP runs the endpoint and passes payments on to {seller}, which sells it."


def managing_link(tenant_slug: str, offer_slug: str, token: str) -> str:
    """The address that opens a purchase's page; whoever has it manages the purchase."""
    return f"{settings.CONSOLE_URL}/bought/{tenant_slug}/{offer_slug}/open/{token}/"


def receipt_mail(*, to: str, seller: str, offer: str, price: str, link: str) -> bool:
    """Tells a buyer what was bought and how to manage it; whether the mail was taken. `price` is in words."""
    lines = [
        f"You bought {offer} from {seller}: {price}.",
        "",
        "Your access key, how to connect, what you use, your card and your invoices, and the way to cancel are here:",
        "",
        link,
        "",
        "Whoever has this link can do all that. Keep it to yourself, and let nobody forward this mail.",
    ]
    return _sent(to, f"{offer} from {seller}", lines, seller)


def managing_link_mail(*, to: str, seller: str, offer: str, link: str) -> bool:
    """Sends a fresh link for a purchase, which somebody asked for; whether the mail was taken."""
    lines = [
        f"Here you manage {offer}, which you bought from {seller}:",
        "",
        link,
        "",
        "If you did not ask for this, you need do nothing: the link was sent to you alone.",
    ]
    return _sent(to, f"Your link for {offer} from {seller}", lines, seller)


def payment_failed_mail(*, to: str, seller: str, offer: str, link: str) -> bool:
    """Tells a buyer that a payment failed and is tried again; whether the mail was taken."""
    lines = [
        f"A payment for {offer} from {seller} failed. It is tried again; until then your key goes on.",
        "",
        "Use another card here, and it is settled:",
        "",
        link,
    ]
    return _sent(to, f"A payment for {offer} failed", lines, seller)


def purchase_ended_mail(*, to: str, seller: str, offer: str, reason: str) -> bool:
    """Tells a buyer that a purchase is over and why, in a sentence; whether the mail was taken."""
    lines = [
        f"{offer} from {seller} is over. {reason}",
        "",
        "Your access key no longer works, and nothing more is taken for it from now on.",
    ]
    return _sent(to, f"{offer} from {seller} is over", lines, seller)


def _sent(to: str, subject: str, lines: list[str], seller: str) -> bool:
    text = "\n".join([*lines, "", _AGENT.format(seller=_in_line(seller)), ""])
    try:
        # A line break in a header would start another header (RFC 5322 section 2.2).
        send_mail(_in_line(subject), text, None, [to])
    except (SMTPException, OSError) as error:
        logger.warning("a buyer was not told by mail: %s", type(error).__name__)
        return False
    return True


def _in_line(text: str) -> str:
    return " ".join(text.split())
