"""What of an upstream's `_meta` and icons is passed on: what an author of ours could have written, and no more."""

from typing import Any

from mcp_runtime.metadata import InvalidMetadata, require_icons, require_meta


def passed_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """`_meta` without the names that are malformed or the protocol's; empty where it is too large."""
    return {name: value for name, value in meta.items() if _is_fit({name: value})} if _is_small(meta) else {}


def passed_icons(icons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The icons that clients may be sent."""
    fit: list[dict[str, Any]] = []
    for icon in icons:
        try:
            require_icons([*fit, icon])
        except InvalidMetadata:
            continue
        fit.append(icon)
    return fit


def _is_small(meta: dict[str, Any]) -> bool:
    """Whether all of it together is within bounds; names that are unfit are looked at one by one."""
    try:
        require_meta({"size": meta})
    except InvalidMetadata:
        return False
    return True


def _is_fit(meta: dict[str, Any]) -> bool:
    try:
        require_meta(meta)
    except InvalidMetadata:
        return False
    return "ui" not in meta
