"""The examination as a whole: which parts, in which order."""

from collections.abc import Iterator

from config.doctor import machine
from config.doctor.finding import Finding, absent
from config.doctor.services import examine_services
from config.machine.options import Options


def examine(options: Options, *, running: bool) -> Iterator[Finding]:
    """A finding for each part, as it is looked at. `running`: a platform runs on the state folder now."""
    yield machine.python()
    yield machine.postgres(options)
    yield machine.valkey(options)
    yield machine.state(options)
    for variable, number in options.ports.items():
        yield machine.port(options, variable, number, running=running)
    yield machine.children(options, running=running)
    if running or (options.database_url and options.redis_url):
        yield from examine_services()
    else:
        yield absent("database", "embedded: it runs when the platform does")
