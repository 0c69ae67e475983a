"""Sessions and devices of people: what a tenant saw of a console session, and which browsers somebody came with."""

import uuid

from django.conf import settings
from django.db import models

from core.rls import TenantIsolation

LONGEST_BROWSER = 200


class MemberSession(models.Model):
    """A console session of a member, as far as this tenant saw it. `session` is the person's own row of it.

    One that was ended stays, since it may go on in other tenants: as long as the browser has it, it opens nothing here.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session = models.BigIntegerField()
    address = models.GenericIPAddressField(null=True, blank=True)
    browser = models.CharField(max_length=LONGEST_BROWSER, blank=True)
    by_sso = models.BooleanField(default=False)
    began_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="member_session_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "session"], name="member_session_once_within_tenant"),
            TenantIsolation(name="member_session_isolation"),
        ]
        indexes = [models.Index(fields=["tenant", "last_seen_at"], name="member_session_by_time")]

    def __str__(self) -> str:
        return f"session of {self.user_id}"


class KnownDevice(models.Model):
    """A browser that somebody signed in with, known by a token that it keeps; its digest is stored. People's own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_digest = models.CharField(max_length=64)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "token_digest"], name="known_device_once_for_a_person"),
        ]

    def __str__(self) -> str:
        return f"device of {self.user_id}"
