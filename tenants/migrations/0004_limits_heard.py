"""Has every worker hear at once that a tenant's plan or limit changed, however it was changed."""

from django.db import migrations

from core.channels import ENDPOINTS_CHANNEL

_CREATE = f"""
CREATE FUNCTION tenants_limits_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{ENDPOINTS_CHANNEL}', json_build_object('tenant_id', NEW.id, 'limits', true)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tenants_limits_changed AFTER UPDATE ON tenants_tenant FOR EACH ROW
    WHEN (OLD.plan IS DISTINCT FROM NEW.plan OR OLD.connection_limit IS DISTINCT FROM NEW.connection_limit)
    EXECUTE FUNCTION tenants_limits_changed();
"""
_DROP = "DROP TRIGGER tenants_limits_changed ON tenants_tenant; DROP FUNCTION tenants_limits_changed();"


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_connection_limit")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
