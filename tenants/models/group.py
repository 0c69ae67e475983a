"""Groups of members: made by hand, or told by whoever provisions the tenant."""

import uuid

from django.db import models
from django.db.models.functions import Lower

from core.audited import Audited
from core.rls import TenantForeignKey, TenantIsolation
from tenants.models.authorization import McpClient
from tenants.models.membership import Membership, Role
from tenants.models.provisioning import ScimUser

LONGEST_GROUP_NAME = 200
GRANTED_ROLES = [Role.ADMIN, Role.DEVELOPER, Role.VIEWER]  # ownership goes by transfer alone


class GroupSource(models.TextChoices):
    """Who says who belongs to a group."""

    MANUAL = "manual", "Made here"
    SCIM = "scim", "Provisioned by SCIM"
    SSO = "sso", "Told when people sign in"


class Group(models.Model):
    """Some members of a tenant under one name. With a role, its members have at least that."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="groups")
    name = models.CharField(max_length=LONGEST_GROUP_NAME)
    source = models.CharField(max_length=16, choices=GroupSource.choices, default=GroupSource.MANUAL)
    # The connection that tells of it, of the kind that `source` names; null for one made by hand.
    provider = models.UUIDField(null=True, blank=True)
    external_id = models.CharField(max_length=255, blank=True)
    # Rises with each change.
    version = models.PositiveIntegerField(default=1)
    role = models.CharField(max_length=16, choices=[(role.value, role.label) for role in GRANTED_ROLES], blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="group_id_within_tenant"),
            # What is decided by a group's name is decided by one group.
            models.UniqueConstraint(
                "tenant", "source", "provider", Lower("name"), name="group_name_within_provider", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["", *(role.value for role in GRANTED_ROLES)]), name="group_role_is_known"
            ),
            Audited(name="group_audited", noun="group"),
            TenantIsolation(name="group_isolation"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    """One member in one group; or one person that a provider tells of, who may be no member yet or any more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="members"
    )
    membership = models.ForeignKey(
        Membership,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="groups",
    )
    provisioned = models.ForeignKey(
        ScimUser,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="groups",
    )
    # As the provider calls them in this group, if it says.
    display = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="group_member_id_within_tenant"),
            models.UniqueConstraint(fields=["tenant", "group", "membership"], name="one_place_in_a_group"),
            Audited(
                name="group_member_audited",
                noun="group_member",
                title="membership_id",
                within=("group_id", "tenants_group"),
            ),
            models.UniqueConstraint(fields=["tenant", "group", "provisioned"], name="one_provisioned_place_in_a_group"),
            models.CheckConstraint(
                condition=models.Q(membership__isnull=False) | models.Q(provisioned__isnull=False),
                name="group_member_is_somebody",
            ),
            TenantIsolation(name="group_member_isolation"),
            TenantForeignKey(name="group_member_group_of_same_tenant", column="group_id", to_table="tenants_group"),
            TenantForeignKey(
                name="group_member_membership_of_same_tenant", column="membership_id", to_table="tenants_membership"
            ),
            TenantForeignKey(
                name="group_member_provisioned_of_same_tenant", column="provisioned_id", to_table="tenants_scimuser"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "membership"], name="group_member_by_membership"),
            models.Index(fields=["tenant", "provisioned"], name="group_member_by_provisioned"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id or self.provisioned_id} in {self.group_id}"


class GroupClient(models.Model):
    """One client that acts for itself, in one group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="clients"
    )
    client = models.ForeignKey(
        McpClient, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="groups"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "group", "client"], name="one_place_of_a_client_in_a_group"),
            Audited(
                name="group_client_audited",
                noun="group_client",
                title="client_id",
                within=("group_id", "tenants_group"),
            ),
            TenantIsolation(name="group_client_isolation"),
            TenantForeignKey(name="group_client_group_of_same_tenant", column="group_id", to_table="tenants_group"),
            TenantForeignKey(
                name="group_client_client_of_same_tenant", column="client_id", to_table="tenants_mcpclient"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "client"], name="group_client_by_client")]

    def __str__(self) -> str:
        return f"{self.client_id} in {self.group_id}"
