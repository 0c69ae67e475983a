"""Has every worker hear at once that clients were put into groups or taken out, however that came about."""

from django.db import migrations

_CREATE = """
CREATE TRIGGER mcp_runtime_roster_changed AFTER INSERT OR UPDATE OR DELETE ON tenants_groupclient FOR EACH ROW
    EXECUTE FUNCTION mcp_runtime_roster_changed();
"""
_DROP = "DROP TRIGGER mcp_runtime_roster_changed ON tenants_groupclient;"


class Migration(migrations.Migration):
    dependencies = [("mcp_runtime", "0020_people_heard"), ("tenants", "0032_groupclient")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
