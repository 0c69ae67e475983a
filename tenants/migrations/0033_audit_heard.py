"""Has it told when audit logs that webhooks want get events, as the transaction commits that made them."""

from django.db import migrations, models

from core.channels import AUDIT_CHANNEL

_CREATE = f"""
CREATE FUNCTION tenants_audit_heard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM tenants_auditdue WHERE tenant_id = NEW.tenant_id) THEN
        PERFORM pg_notify('{AUDIT_CHANNEL}', NEW.tenant_id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tenants_audit_heard AFTER INSERT ON tenants_auditevent FOR EACH ROW
    EXECUTE FUNCTION tenants_audit_heard();
"""
_DROP = "DROP TRIGGER tenants_audit_heard ON tenants_auditevent; DROP FUNCTION tenants_audit_heard()"


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0032_groupclient"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditdue",
            name="is_idle",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="auditdue",
            name="tenant_id",
            field=models.UUIDField(db_index=True),
        ),
        migrations.RunSQL(_CREATE, _DROP),
    ]
