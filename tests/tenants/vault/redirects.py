"""What a provider's redirect carries."""

from urllib.parse import parse_qs, urlsplit


def answer_in(url: str) -> dict[str, str]:
    """The parameters of a redirect back to us."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
