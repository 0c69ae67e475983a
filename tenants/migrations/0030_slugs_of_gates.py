from django.db import migrations

# Workers take no token for an address whose tenant the gate does not name. Row security holds for the owner too, so
# that each tenant's row is seen in its own context.
_TELL = """
DO $$
DECLARE known record;
BEGIN
    FOR known IN SELECT tenant_id, jsonb_agg(slug ORDER BY slug) AS slugs FROM tenants_tenantslug GROUP BY tenant_id LOOP
        PERFORM set_config('app.tenant_id', known.tenant_id::text, true);
        UPDATE tenants_publishedgate SET version = version + 1, document = convert_to(
            jsonb_set(convert_from(document, 'UTF8')::jsonb, '{slugs}', known.slugs)::text, 'UTF8'
        ) WHERE tenant_id = known.tenant_id;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0029_trusted_issuers"),
    ]

    operations = [migrations.RunSQL(_TELL, migrations.RunSQL.noop)]
