"""Small words of the console's templates: moments, sizes, durations, money, initials."""

from datetime import UTC, datetime
from decimal import Decimal

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma, naturaltime
from django.forms import BoundField
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from billing import money as amounts
from billing.lifting import Lift
from tenants.access import Permission

register = template.Library()

_BYTES_PER_STEP = 1024
_CENTS = 100
_MS_PER_SECOND = 1000
# The first that fits counts: a browser's header also names those it descends from.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
)
_COLOURS = {
    "ok": "ok",
    "degraded": "warn",
    "down": "down",
    "quarantined": "down",
    "needs_login": "login",
    "denied": "login",
}


@register.simple_tag
def moment(value: datetime | None, *, relative: bool = False) -> SafeString | str:
    """`22 Nov 2026, 13:04 UTC` with the relative time on hover, or (`relative`) the other way round."""
    if value is None:
        return ""
    full = localtime(value, UTC).strftime("%d %b %Y, %H:%M UTC").lstrip("0")
    shown, hover = (naturaltime(value), full) if relative else (full, naturaltime(value))
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), hover, shown)


@register.simple_tag(takes_context=True)
def way_to(context: template.Context, lift: Lift) -> SafeString | str:
    """The plan that lifts a limit: a link for a member who may buy it, and whom to ask for all others."""
    actor = getattr(context.get("request"), "actor", None)
    if actor is None:
        return f"{lift.sentence}."
    if not actor.may(Permission.MANAGE_BILLING):
        return f"{lift.sentence}: ask an owner or admin of {actor.tenant.name}."
    plans = f"{reverse('billing', args=[actor.tenant.slug])}#plans"
    return format_html('<a href="{}">{}: see plans</a>', plans, lift.sentence)


@register.simple_tag(takes_context=True)
def page_query(context: template.Context, param: str, number: int) -> str:
    """The query of this address with another page in it: what is searched for stays."""
    request = context.get("request")
    query = request.GET.copy() if request else QueryDict(mutable=True)
    query[param] = str(number)
    return f"?{query.urlencode()}"


@register.simple_tag
def widget(field: BoundField, hint: str = "", bare: object = "") -> SafeString:
    """A bound field's widget that points at the element's own hint, and (`bare`) shows no placeholder."""
    attributes: dict[str, str | bool] = {}
    if hint:
        error = f" {field.auto_id}_error" if field.errors else ""
        attributes["aria-describedby"] = f"{field.auto_id}_helptext{error}"
    if bare:
        attributes["placeholder"] = ""
    return field.as_widget(attrs=attributes)


@register.simple_tag
def thousand(each: Decimal, currency: str) -> str:
    """What a thousand calls cost at so many cents each."""
    return amounts.exactly(each * 1_000, currency)


@register.simple_tag
def amount(value: int, currency: str) -> str:
    """An amount in its currency's smallest unit, as people read it."""
    return amounts.shown(value, currency)


@register.filter
def requirement(name: str) -> str:
    """What Stripe asks of a seller, as words: `external_account` is an external account."""
    return str(name).replace(".", " ").replace("_", " ")


@register.filter
def board_colour(state: str) -> str:
    """The state of an upstream as a state of `<c-status>`, `<c-node>` and `<c-event>`."""
    return _COLOURS.get(state, "off")


@register.filter
def browser(user_agent: str) -> str:
    """`Firefox on Linux`, as far as a User-Agent header tells."""
    names = [name for mark, name in _BROWSERS if mark in user_agent]
    systems = [name for mark, name in _SYSTEMS if mark in user_agent]
    return " on ".join([*names[:1], *systems[:1]]) or "Unknown browser"


@register.filter
def initials(name: str) -> str:
    """At most two capitals that stand for a name; of an address, its first letter."""
    words = str(name).partition("@")[0].replace("-", " ").split()
    letters = [word[0] for word in words[:1] + words[1:][-1:]]
    return "".join(letters).upper() or "·"


@register.filter
def size(value: int) -> str:
    """Bytes as `12 B`, `1.5 KiB`, `3.0 MiB`."""
    amount = float(value)
    for unit in ("B", "KiB", "MiB"):
        if amount < _BYTES_PER_STEP:
            return f"{int(amount)} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _BYTES_PER_STEP
    return f"{amount:.1f} GiB"


@register.filter
def duration(milliseconds: float) -> str:
    """Milliseconds as `0.4 ms`, `42 ms`, `1.50 s`."""
    if milliseconds >= _MS_PER_SECOND:
        return f"{milliseconds / _MS_PER_SECOND:.2f} s"
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


@register.filter
def money(cents: int) -> str:
    """US cents as `$2,999`, or `$4.50` where there are cents to show."""
    whole, rest = divmod(cents, _CENTS)
    return f"${intcomma(whole)}" + (f".{rest:02}" if rest else "")
