"""Answers that are made while they are sent, so that none is held whole."""

from collections.abc import AsyncIterator, Iterator
from itertools import batched

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

# Each is one hop to the thread that may ask the database.
LINES_SENT_TOGETHER = 500


def streamed(request: HttpRequest, lines: Iterator[str], *, content_type: str, filename: str) -> StreamingHttpResponse:
    """A download of `lines`, called `filename`.

    Under ASGI an iterator that is not asynchronous would be read to its end before the first byte left.
    """
    chunks = ("".join(together) for together in batched(lines, LINES_SENT_TOGETHER, strict=False))
    content = _apart(chunks) if isinstance(request, ASGIRequest) else chunks
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


async def _apart(chunks: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(_next)
    while (chunk := await following(chunks)) is not None:
        yield chunk


def _next(chunks: Iterator[str]) -> str | None:
    return next(chunks, None)
