"""When tenants that are being deleted go for good: kept by a trigger, so that a purge asks one question."""

from django.db import migrations, models

# Who changes or purges a tenant holds its row, so that marks and rows change in one order.
_KEPT = """
CREATE FUNCTION tenants_purge_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.delete_after IS NULL THEN
        DELETE FROM tenants_tenantpurgedue WHERE tenant_id = NEW.id;
    ELSE
        INSERT INTO tenants_tenantpurgedue (tenant_id, due_at) VALUES (NEW.id, NEW.delete_after)
        ON CONFLICT (tenant_id) DO UPDATE SET due_at = EXCLUDED.due_at;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tenants_purge_due AFTER UPDATE ON tenants_tenant FOR EACH ROW
    WHEN (OLD.delete_after IS DISTINCT FROM NEW.delete_after) EXECUTE FUNCTION tenants_purge_due();
"""
_DROP = "DROP TRIGGER tenants_purge_due ON tenants_tenant; DROP FUNCTION tenants_purge_due();"
# The owner of the table is bound by row security as well, since it is forced: it is not while rows are read here.
_CARRIED = """
ALTER TABLE tenants_tenant NO FORCE ROW LEVEL SECURITY;
INSERT INTO tenants_tenantpurgedue (tenant_id, due_at)
SELECT id, delete_after FROM tenants_tenant WHERE delete_after IS NOT NULL;
ALTER TABLE tenants_tenant FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0035_sessions_that_end_in_one_tenant")]

    operations = [
        migrations.CreateModel(
            name="TenantPurgeDue",
            fields=[
                ("tenant_id", models.UUIDField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunSQL(_CARRIED + _KEPT, _DROP),
    ]
