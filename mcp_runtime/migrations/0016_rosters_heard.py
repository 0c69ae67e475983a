"""Has every worker hear at once that groups or roles changed which an endpoint's rules go by, however they changed."""

from django.db import migrations

from core.channels import ENDPOINTS_CHANNEL

_CREATE = f"""
CREATE FUNCTION mcp_runtime_roster_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_tenant uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
BEGIN
    IF EXISTS (SELECT FROM mcp_runtime_toolrule WHERE tenant_id = changed_tenant) THEN
        PERFORM pg_notify('{ENDPOINTS_CHANNEL}', json_build_object('tenant_id', changed_tenant)::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mcp_runtime_roster_changed AFTER INSERT OR UPDATE OR DELETE ON tenants_groupmember FOR EACH ROW
    EXECUTE FUNCTION mcp_runtime_roster_changed();
CREATE TRIGGER mcp_runtime_roster_changed AFTER INSERT OR UPDATE OF role, deactivated_at OR DELETE
    ON tenants_membership FOR EACH ROW EXECUTE FUNCTION mcp_runtime_roster_changed();
"""
_DROP = """
DROP TRIGGER mcp_runtime_roster_changed ON tenants_groupmember;
DROP TRIGGER mcp_runtime_roster_changed ON tenants_membership;
DROP FUNCTION mcp_runtime_roster_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("mcp_runtime", "0015_toolrule"), ("tenants", "0009_groups_and_deactivation")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
