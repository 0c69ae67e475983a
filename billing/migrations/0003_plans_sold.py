"""The first version of each plan; an entitlement for every tenant, now and whenever one is made; who hears of changes."""

from django.db import migrations

from core.channels import ENDPOINTS_CHANNEL

# The words are a promise to whoever bought a plan, and so are the numbers: a trigger below keeps both.
_PLANS = """
INSERT INTO billing_planversion (
    id, name, version, title, currency, monthly_price_cents, yearly_price_cents, overage_millicents, support,
    connections, requests_per_second, endpoints, tools_per_endpoint, members, usage_days, audit_days, requests,
    calls_included, sso, scim, audit_export, sla, sold_from
) VALUES
    ('developer-1', 'developer', 1, 'Developer', 'usd', 0, 0, NULL, 'Community',
     1000, 100, 10, 100, 5, 7, 30, 1000000, 1000000, false, false, false, false, now()),
    ('professional-1', 'professional', 1, 'Professional', 'usd', 49900, 499000, 5, 'E-mail',
     50000, 2000, 100, 500, 50, 30, 30, NULL, 5000000, true, false, true, false, now()),
    ('enterprise-1', 'enterprise', 1, 'Enterprise', 'usd', 299900, 2999000, 2, '24/7 with an SLA',
     500000, 20000, 1000, 1000, 1000, 365, 365, NULL, 100000000, true, true, true, true, now()),
    ('unlimited-1', 'unlimited', 1, 'Unlimited', 'usd', NULL, NULL, NULL, '24/7 with an SLA',
     NULL, NULL, NULL, 2000, NULL, 365, 365, NULL, NULL, true, true, true, true, now());
"""
_TERMS = (
    "connections, requests_per_second, endpoints, tools_per_endpoint, members, usage_days, audit_days, requests, "
    "calls_included, sso, scim, audit_export, sla"
)
_INTO = (
    "INSERT INTO billing_entitlement (tenant_id, plan_id, standing, since, granted_plan_id, granted_standing, guard_id, "
    f"{_TERMS})"
)
# Sold is what was on sale at any time: somebody may have it. When its sale ends may still be said.
_KEPT = """
CREATE FUNCTION billing_plan_version_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sold_from <= now()
        AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - 'sold_until' IS DISTINCT FROM to_jsonb(OLD) - 'sold_until') THEN
        RAISE EXCEPTION 'plan version % has been sold: make a new version', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER billing_plan_version_kept BEFORE UPDATE OR DELETE ON billing_planversion
    FOR EACH ROW EXECUTE FUNCTION billing_plan_version_kept();
"""
# Not deferred: what makes a tenant may ask what it is entitled to in the same transaction.
_MADE = f"""
CREATE FUNCTION billing_entitlement_make() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_INTO}
    SELECT NEW.id, id, 'free', now(), id, 'free', '', {_TERMS} FROM billing_planversion
    WHERE name = 'developer' AND sold_from <= now() AND (sold_until IS NULL OR sold_until > now())
    ORDER BY version DESC LIMIT 1;
    IF NOT FOUND THEN RAISE EXCEPTION 'no version of the plan developer is on sale'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_entitlement_make AFTER INSERT ON tenants_tenant
    FOR EACH ROW EXECUTE FUNCTION billing_entitlement_make();
"""  # noqa: S608  of constants
_HEARD = f"""
CREATE FUNCTION billing_limits_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{ENDPOINTS_CHANNEL}', json_build_object('tenant_id', NEW.tenant_id, 'limits', true)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER billing_limits_changed AFTER UPDATE ON billing_entitlement FOR EACH ROW
    WHEN ((OLD.connections, OLD.requests_per_second, OLD.requests)
          IS DISTINCT FROM (NEW.connections, NEW.requests_per_second, NEW.requests))
    EXECUTE FUNCTION billing_limits_changed();
"""
# The owner of the tables is bound by row security as well, since it is forced: it is not while rows are carried over.
_OPEN = "".join(
    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"
    for table in ("tenants_tenant", "billing_entitlement", "billing_contract")
)
_CLOSE = "SET CONSTRAINTS ALL IMMEDIATE;" + _OPEN.replace("NO FORCE", "FORCE")
_CARRIED = f"""
{_OPEN}
{_INTO}
SELECT t.id, p.id, CASE t.plan WHEN 'developer' THEN 'free' ELSE 'active' END, now(), p.id,
       CASE t.plan WHEN 'developer' THEN 'free' ELSE 'active' END, '', coalesce(t.connection_limit, p.connections),
       {_TERMS.removeprefix("connections, ")}
FROM tenants_tenant t JOIN billing_planversion p ON p.name = t.plan AND p.version = 1;
INSERT INTO billing_contract (id, tenant_id, limits, is_invoiced_by_hand, notes, starts_at, created_at)
SELECT gen_random_uuid(), id, jsonb_build_object('connections', connection_limit), false, '', now(), now()
FROM tenants_tenant WHERE connection_limit IS NOT NULL;
{_CLOSE}
"""  # noqa: S608  of constants
_DROP = (
    "DROP TRIGGER billing_limits_changed ON billing_entitlement; DROP FUNCTION billing_limits_changed(); "
    "DROP TRIGGER billing_entitlement_make ON tenants_tenant; DROP FUNCTION billing_entitlement_make(); "
    "DROP TRIGGER billing_plan_version_kept ON billing_planversion; DROP FUNCTION billing_plan_version_kept();"
)


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_plans"), ("tenants", "0029_trusted_issuers")]

    operations = [
        migrations.RunSQL(_PLANS, migrations.RunSQL.noop),
        migrations.RunSQL(_CARRIED, migrations.RunSQL.noop),
        migrations.RunSQL(_KEPT + _MADE + _HEARD, _DROP),
    ]
