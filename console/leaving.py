"""Leading a browser to another site."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def leave_page(request: HttpRequest, url: str, words: str) -> HttpResponse:
    """A page that goes on by itself: the answer to a form may not redirect to another site (form-action)."""
    return render(request, "leave.html", {"url": url, "host": urlsplit(url).netloc, "words": words})
