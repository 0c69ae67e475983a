"""Counts what workers were lent of a month's requests; a month that is over counts as none."""

import datetime as dt

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mcp_runtime", "0021_clients_in_rosters_heard")]

    operations = [
        migrations.AddField(
            model_name="requestbudget",
            name="month",
            field=models.DateField(default=dt.date(1970, 1, 1)),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="requestbudget", name="spent", field=models.BigIntegerField(default=0), preserve_default=False
        ),
    ]
