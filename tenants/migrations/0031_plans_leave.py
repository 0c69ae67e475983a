"""Plans and limits are billing's: what tenants had of them has been carried over before."""

from django.db import migrations

_DROP = "DROP TRIGGER tenants_limits_changed ON tenants_tenant; DROP FUNCTION tenants_limits_changed();"


class Migration(migrations.Migration):
    dependencies = [("tenants", "0030_slugs_of_gates"), ("billing", "0003_plans_sold")]

    operations = [
        migrations.RunSQL(_DROP),
        migrations.RemoveConstraint(model_name="tenant", name="tenant_connection_limit_is_sane"),
        migrations.RemoveField(model_name="tenant", name="connection_limit"),
        migrations.RemoveField(model_name="tenant", name="plan"),
    ]
