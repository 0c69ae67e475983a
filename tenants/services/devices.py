"""Browsers that people sign in with: one that was not seen before is told to its person by mail. Tenants have no part.

Each opens transactions of its own.
"""

import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from core import keys
from tenants.models import KnownDevice, User

logger = logging.getLogger(__name__)

# As long as browsers keep a cookie at most.
LIFETIME = timedelta(days=400)
MAXIMUM_DEVICES = 50
LONGEST_TOKEN = 64
SUBJECT = "A new sign-in to your account"


def device_met(*, user: User, token: str, address: str, browser: str) -> str:
    """Notes that `user` signed in with the browser that keeps `token`; the token that it is to keep.

    Whoever has been here with other browsers gets a mail of one that is new: when, `browser` in words, `address`. The
    first one of all is no news.
    """
    now = timezone.now()
    KnownDevice.objects.filter(user=user, last_seen_at__lt=now - LIFETIME).delete()
    rows = KnownDevice.objects.filter(user=user)
    kept = token if 0 < len(token) <= LONGEST_TOKEN else ""
    if kept and rows.filter(token_digest=keys.digest(kept)).update(last_seen_at=now):
        return kept
    is_first = not rows.exists()
    # A token that nobody here was given is not taken over: somebody may have put it there.
    if not KnownDevice.objects.filter(token_digest=keys.digest(kept)).exists():
        kept = secrets.token_urlsafe(32)
    _remember(user, kept)
    if not is_first:
        _tell(user, address, browser)
    return kept


def _remember(user: User, token: str) -> None:
    with transaction.atomic():
        row = KnownDevice(user=user, token_digest=keys.digest(token), last_seen_at=timezone.now())
        KnownDevice.objects.bulk_create([row], ignore_conflicts=True)
        old = KnownDevice.objects.filter(user=user).order_by("-last_seen_at")[MAXIMUM_DEVICES:]
        KnownDevice.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def _tell(user: User, address: str, browser: str) -> None:
    link = f"{settings.CONSOLE_URL}/account/sessions/"
    said = {"user": user, "address": address, "browser": browser, "at": timezone.now(), "link": link}
    body = render_to_string("tenants/mail/new_device.txt", said)
    try:
        send_mail(subject=SUBJECT, message=body, from_email=None, recipient_list=[user.email])
    except OSError as error:
        logger.warning("A mail of a new sign-in was not sent: %s", error)
