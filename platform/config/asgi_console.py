"""The console's ASGI application: Django behind Channels' protocol router."""

import importlib
import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from config.celery import app as jobs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Sets Django up, without which no consumer can be imported.
pages = get_asgi_application()
sockets = importlib.import_module("console.live.routing").sockets

console = ProtocolTypeRouter({"http": pages, "websocket": sockets})
# Services ask for jobs by name, of whichever Celery application the process has.
jobs.set_default()
