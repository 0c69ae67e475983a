"""One row of those that somebody may see, or the refusal that says no more than that it is not there."""

from django.db.models import Model, QuerySet

from core import refusals
from core.refusals import Refused


def one_of[Row: Model](rows: QuerySet[Row], pk: object, *, locked: bool = False) -> Row:
    """The row with this primary key, for changing it if `locked`. Raises Refused(NOT_FOUND)."""
    found = (rows.select_for_update() if locked else rows).filter(pk=pk).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found
