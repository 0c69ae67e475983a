from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mcp_runtime", "0017_default_endpoint"),
    ]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="requires_proof",
            field=models.BooleanField(default=False),
        ),
    ]
