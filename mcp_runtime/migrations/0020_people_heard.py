"""Has every worker hear at once that members changed whom trusted issuers speak of, however they changed."""

from django.db import migrations

from core.channels import ENDPOINTS_CHANNEL

_CREATE = f"""
CREATE FUNCTION mcp_runtime_people_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_tenant uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
BEGIN
    IF EXISTS (SELECT FROM tenants_trustedissuer WHERE tenant_id = changed_tenant AND people <> 'external') THEN
        PERFORM pg_notify('{ENDPOINTS_CHANNEL}', json_build_object('tenant_id', changed_tenant)::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mcp_runtime_people_changed AFTER INSERT OR UPDATE OF role, deactivated_at OR DELETE
    ON tenants_membership FOR EACH ROW EXECUTE FUNCTION mcp_runtime_people_changed();
CREATE TRIGGER mcp_runtime_people_changed AFTER INSERT OR UPDATE OF user_id, subject OR DELETE
    ON tenants_ssoidentity FOR EACH ROW EXECUTE FUNCTION mcp_runtime_people_changed();
CREATE TRIGGER mcp_runtime_people_changed AFTER INSERT OR UPDATE OR DELETE
    ON tenants_ssodomainholder FOR EACH ROW EXECUTE FUNCTION mcp_runtime_people_changed();
"""
_DROP = """
DROP TRIGGER mcp_runtime_people_changed ON tenants_membership;
DROP TRIGGER mcp_runtime_people_changed ON tenants_ssoidentity;
DROP TRIGGER mcp_runtime_people_changed ON tenants_ssodomainholder;
DROP FUNCTION mcp_runtime_people_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("mcp_runtime", "0019_logins"), ("tenants", "0029_trusted_issuers")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
