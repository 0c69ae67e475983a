"""Django, set up in this process; what it cannot start with is said as a Problem."""

import django
from django.core.exceptions import ImproperlyConfigured

from config.problems import Problem


def set_up() -> None:
    """Loads settings and apps; raises Problem or BadEnvironment."""
    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise Problem(f"The settings cannot be used: {error}") from None
