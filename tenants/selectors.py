"""Reads of members, groups, invitations and REST API keys. Each runs inside a tenant context."""

from uuid import UUID

from django.db.models import BooleanField, Case, Count, ExpressionWrapper, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.rows import one_of
from tenants.authorization.grant_types import CLIENT
from tenants.models import ApiKey, AuthMethod, Group, Invitation, McpClient, Membership, Role
from tenants.models.membership import MembershipQuerySet
from tenants.services.api_keys import live

_RANK = Case(*(When(role=role, then=Value(rank)) for rank, role in enumerate(Role.values)), output_field=IntegerField())


def members_matching(query: str = "") -> MembershipQuerySet:
    """Members whose name or address contains `query`, the owner first, then by role and address."""
    matching = Q(user__name__icontains=query) | Q(user__email__icontains=query) if query else Q()
    return Membership.objects.filter(matching).select_related("user").order_by(_RANK, "user__email")


def invitations_open() -> QuerySet[Invitation]:
    """Invitations that were neither accepted nor withdrawn, the newest first; `is_expired` is annotated."""
    expired = ExpressionWrapper(Q(expires_at__lte=timezone.now()), BooleanField())
    return Invitation.objects.select_related("invited_by").annotate(is_expired=expired).order_by("-created_at")


def api_keys_matching(query: str = "") -> QuerySet[ApiKey]:
    """REST API keys whose name or prefix contains `query`: those that work first, then the newest."""
    works = Q(revoked_at=None) & live()
    matching = Q(name__icontains=query) | Q(prefix__icontains=query) if query else Q()
    rows = ApiKey.objects.filter(matching).select_related("created_by")
    return rows.annotate(is_live=ExpressionWrapper(works, BooleanField())).order_by("-is_live", "-created_at")


def member_of(user_id: UUID) -> Membership:
    """The membership of a person in the tenant in context; raises Refused(NOT_FOUND)."""
    membership = Membership.objects.select_related("user").filter(user_id=user_id).first()
    if membership is None:
        raise Refused(refusals.NOT_FOUND)
    return membership


def api_key_of(api_key_id: UUID) -> ApiKey:
    """A REST API key of the tenant in context, revoked or not; raises Refused(NOT_FOUND)."""
    return one_of(ApiKey.objects.all(), api_key_id)


def groups_by_name() -> list[Group]:
    """The groups of the tenant in context, whoever tells of them; `member_count`, `client_count` are annotated."""
    counted = {"member_count": Count("members", distinct=True), "client_count": Count("clients", distinct=True)}
    return list(Group.objects.annotate(**counted).order_by("name", "source", "pk"))


def group_of(group_id: UUID) -> Group:
    """A group of the tenant in context; raises Refused(NOT_FOUND)."""
    return one_of(Group.objects.all(), group_id)


def group_emails(group: Group) -> list[str]:
    """The addresses of a group's members, in order."""
    members = Membership.objects.filter(groups__group=group)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def clients_of_their_own() -> QuerySet[McpClient]:
    """Clients that may act for themselves, by name: those that act for people have the groups of these."""
    rows = McpClient.objects.filter(grant_types__contains=[CLIENT]).exclude(auth_method=AuthMethod.NONE)
    return rows.order_by("name", "pk")


def client_of_its_own(client_id: UUID) -> McpClient:
    """A client that may act for itself, by the id of its entry; raises Refused(NOT_FOUND)."""
    return one_of(clients_of_their_own(), client_id)


def group_clients(group: Group) -> list[UUID]:
    """The entries of the clients that are in a group, by their names."""
    return list(group.clients.order_by("client__name", "client_id").values_list("client_id", flat=True))


def client_groups(client: McpClient) -> list[UUID]:
    """The groups that a client is in, by their names."""
    return list(client.groups.order_by("group__name", "group_id").values_list("group_id", flat=True))
