from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0027_exchange_and_assertions"),
    ]

    operations = [
        migrations.AddField(
            model_name="authorizationcode",
            name="proof_key",
            field=models.CharField(blank=True, default="", max_length=43),
        ),
        migrations.AddField(
            model_name="refreshtoken",
            name="proof_key",
            field=models.CharField(blank=True, default="", max_length=43),
        ),
    ]
