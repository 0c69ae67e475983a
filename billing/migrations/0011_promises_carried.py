"""What is promised now is remembered from when it was granted, and months that wait are found by who is owed them."""

from django.db import migrations

_TABLES = ("billing_entitlement", "billing_contract", "billing_uptimepromise", "billing_uptimemonth")
# The owner of the tables is bound by row security as well, since it is forced: it is not while rows are carried over.
_OPEN = "".join(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;" for table in _TABLES)
_CLOSE = "SET CONSTRAINTS ALL IMMEDIATE;" + _OPEN.replace("NO FORCE", "FORCE")
_PROMISED = """
INSERT INTO billing_uptimepromise (tenant_id, since, plan_id, price_cents, currency)
SELECT e.tenant_id, e.since, p.id,
       CASE e.standing WHEN 'trialing' THEN 0 ELSE coalesce(c.price_cents, p.monthly_price_cents, 0) END, p.currency
FROM billing_entitlement e JOIN billing_planversion p ON p.id = e.plan_id
LEFT JOIN LATERAL (
    SELECT price_cents FROM billing_contract
    WHERE tenant_id = e.tenant_id AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now())
    ORDER BY starts_at DESC, created_at DESC LIMIT 1
) c ON true
WHERE e.sla;
INSERT INTO billing_uptimewatch (tenant_id, is_owed) SELECT tenant_id, false FROM billing_uptimepromise
ON CONFLICT (tenant_id) DO NOTHING;
INSERT INTO billing_uptimewatch (tenant_id, ended_at, is_owed)
SELECT DISTINCT tenant_id, now(), true FROM billing_uptimemonth
WHERE told_at IS NULL OR (credit_cents > 0 AND credited_at IS NULL)
ON CONFLICT (tenant_id) DO UPDATE SET is_owed = true;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_uptime_promises")]

    operations = [migrations.RunSQL(_OPEN + _PROMISED + _CLOSE, migrations.RunSQL.noop)]
