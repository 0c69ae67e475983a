"""What a tenant lets clients do by themselves: register, and describe themselves by a document."""

import re
from uuid import UUID

from tenants.access import Actor, Permission
from tenants.models import AuthorizationPolicy
from tenants.validation import refused_fields

MAXIMUM_HOSTS = 200
_HOST = re.compile(r"(?:\*\.)?(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


def policy_of(tenant_id: UUID) -> AuthorizationPolicy:
    """The policy of the tenant in context: as it was set, or what goes without saying."""
    return AuthorizationPolicy.objects.first() or AuthorizationPolicy(tenant_id=tenant_id)


def policy_set(
    *, actor: Actor, dynamic_registration: bool, allowed_hosts: list[str], denied_hosts: list[str]
) -> AuthorizationPolicy:
    """Sets the policy. Hosts are names, `*.example.com` means every name below. Raises Refused(INVALID_INPUT)."""
    actor.require(Permission.MANAGE_TENANT)
    said = {"allowed_hosts": _hosts(allowed_hosts), "denied_hosts": _hosts(denied_hosts)}
    wrong = {name: _problem(hosts) for name, hosts in said.items() if _problem(hosts)}
    if wrong:
        raise refused_fields(wrong)
    changed = {"dynamic_registration": dynamic_registration, **said}
    policy, _made = AuthorizationPolicy.objects.update_or_create(
        tenant_id=actor.tenant.id, defaults=changed, create_defaults={"tenant": actor.tenant, **changed}
    )
    return policy


def allows_host(policy: AuthorizationPolicy, host: str) -> bool:
    """Whether a client may be described by a document at `host`; what is denied is denied whatever is allowed."""
    if any(_is_of(host, entry) for entry in policy.denied_hosts):
        return False
    return not policy.allowed_hosts or any(_is_of(host, entry) for entry in policy.allowed_hosts)


def _is_of(host: str, entry: str) -> bool:
    return host.endswith(entry[1:]) if entry.startswith("*.") else host == entry


def _hosts(entries: list[str]) -> list[str]:
    return list(dict.fromkeys(entry.strip().lower() for entry in entries if entry.strip()))


def _problem(hosts: list[str]) -> str:
    if len(hosts) > MAXIMUM_HOSTS:
        return f"Name at most {MAXIMUM_HOSTS} hosts."
    wrong = next((host for host in hosts if _HOST.fullmatch(host) is None), "")
    return f"{wrong[:100]} is not the name of a host." if wrong else ""
