"""The storage of SCIM resources follows the contract that the protocol's library asks of storages."""

from collections.abc import Iterator
from typing import Any

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from core.tenancy import tenant_context
from tenants.models import ScimConnection
from tenants.scim import provider
from tenants.scim.storage import TenantStorage
from tests.conftest import Cast


class TestTenantStorage(ScimStorageContract):
    """One connection's storage, in the tenant's context, as a request uses it."""

    @pytest.fixture
    def provider(self) -> ScimProvider:
        """Ours, which announces sorting, filters and cursors."""
        return provider.provider()

    @pytest.fixture
    def storage(self, cast: Cast) -> Iterator[Any]:
        """A new connection's."""
        with tenant_context(cast.tenant.id):
            connection = ScimConnection.objects.create(tenant=cast.tenant, name="Entra")
            yield TenantStorage(connection)
