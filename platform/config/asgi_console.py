"""The console's ASGI application: Django behind Channels' protocol router."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

console = ProtocolTypeRouter({"http": get_asgi_application()})
