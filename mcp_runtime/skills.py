"""Skills in an endpoint's resources (ext-skills, stable): their URIs, and what a SKILL.md has to say."""

import re
from typing import Any

from mcp_runtime.frontmatter import InvalidFrontmatter, read_frontmatter

SCHEME = "skill://"
MANIFEST = "/SKILL.md"
MARKDOWN = "text/markdown"
# What every host has to take ("Limits").
MAXIMUM_FILES = 512
MAXIMUM_BYTES = 16 * 1024 * 1024
MAXIMUM_DESCRIPTION = 1_024  # Agent Skills specification, "description field"

_NAME = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
# Hosts may write skills to disk: no segment leaves its folder, not even when it is decoded.
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%(?!2[eEfF]|5[cC]|00)[0-9A-Fa-f]{2})+")
_RESERVED_METADATA = "io.modelcontextprotocol/"


class InvalidSkill(Exception):
    """Not a skill that hosts can load; the message says why."""


def root_of(uri: str) -> str | None:
    """The folder of the skill whose SKILL.md is at `uri`; None where that is no skill's."""
    return uri.removesuffix(MANIFEST) if uri.startswith(SCHEME) and uri.endswith(MANIFEST) else None


def folder_of(uri: str) -> str | None:
    """The folder that a skill:// URI is in; None where there is none above it."""
    path = uri.removeprefix(SCHEME)
    return SCHEME + path.rpartition("/")[0] if "/" in path else None


def require_path(uri: str) -> None:
    """Raises InvalidSkill unless a skill:// URI is a path that a host can lay out as folders and a file."""
    segments = uri.removeprefix(SCHEME).split("/")
    if len(segments) < 2 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise InvalidSkill(
            "A file of a skill is at skill://<skill>/<file>, without dot segments, queries or fragments."
        )


def read_manifest(uri: str, text: str) -> dict[str, Any]:
    """The front matter of the SKILL.md at `uri`. Raises InvalidSkill where hosts would refuse the skill."""
    try:
        frontmatter = read_frontmatter(text)
    except InvalidFrontmatter as error:
        raise InvalidSkill(f"SKILL.md: {error}") from None
    name, description = frontmatter.get("name"), frontmatter.get("description")
    folder = uri.removesuffix(MANIFEST).rpartition("/")[2]
    if not isinstance(name, str) or name != folder or not _NAME.fullmatch(name):
        raise InvalidSkill(f"SKILL.md: name is the folder's, {folder}: lower case letters, digits and single hyphens.")
    if not isinstance(description, str) or not 0 < len(description) <= MAXIMUM_DESCRIPTION:
        raise InvalidSkill(f"SKILL.md: description has 1 to {MAXIMUM_DESCRIPTION} characters.")
    metadata = frontmatter.get("metadata")
    if isinstance(metadata, dict) and any(name.startswith(_RESERVED_METADATA) for name in metadata):
        raise InvalidSkill(f"SKILL.md: names in metadata that begin with {_RESERVED_METADATA} are reserved.")
    return frontmatter
