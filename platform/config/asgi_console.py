"""The console's ASGI application: Django behind Channels' protocol router."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from config.celery import app as jobs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

console = ProtocolTypeRouter({"http": get_asgi_application()})
# Services ask for jobs by name, of whichever Celery application the process has.
jobs.set_default()
