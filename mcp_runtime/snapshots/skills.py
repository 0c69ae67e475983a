"""The skills and folders that an endpoint's resources make up, with the digests of their files."""

import asyncio
import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol.served import ServedEndpoint, ServedResource, ServedSkill, SkillFile, Unavailable
from mcp_runtime.skills import MAXIMUM_BYTES, MAXIMUM_FILES, SCHEME, InvalidSkill, folder_of, read_manifest, root_of


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where skills are looked for: resources and templates by URI, sorted, and the endpoint as it was before."""

    resources: dict[str, ServedResource]
    templates: dict[str, ServedResource]
    previous: ServedEndpoint | None

    async def skills(self) -> tuple[dict[str, ServedSkill], tuple[Unavailable, ...]]:
        """The skills by the URI of their SKILL.md, and those that cannot be served; lets others run in between."""
        skills: dict[str, ServedSkill] = {}
        missing: list[Unavailable] = []
        uris = sorted(uri for uri in self.resources if uri.startswith(SCHEME))
        for uri in uris:
            if root_of(uri) is None:
                continue
            try:
                skills[uri] = self._skill(uri, uris)
            except InvalidSkill as reason:
                missing.append(Unavailable(uri, str(reason)))
            await asyncio.sleep(0)
        return skills, tuple(missing)

    def _skill(self, uri: str, uris: list[str]) -> ServedSkill:
        frontmatter = self._frontmatter(uri)
        below = f"{root_of(uri)}/"
        # "0" is the character after "/".
        inside = uris[bisect_left(uris, below) : bisect_left(uris, below[:-1] + "0")]
        files = [_file(name, self.resources[name]) for name in inside]
        known = [file for file in files if file is not None]
        if len(known) < len(files) or any(template.startswith(below) for template in self.templates):
            return ServedSkill(uri, frontmatter, None)
        if len(known) > MAXIMUM_FILES or sum(file.size for file in known) > MAXIMUM_BYTES:
            raise InvalidSkill(f"A skill has at most {MAXIMUM_FILES} files of {MAXIMUM_BYTES // 2**20} MiB together.")
        return ServedSkill(uri, frontmatter, tuple(known))

    def _frontmatter(self, uri: str) -> dict[str, Any]:
        """What SKILL.md says, read again only where it changed."""
        resource = self.resources[uri]
        before = self.previous and self.previous.skills.get(uri)
        if self.previous and before and self.previous.resources[uri].snapshot == resource.snapshot:
            return before.frontmatter
        if resource.compiled.content is None:
            raise InvalidSkill("SKILL.md: what it says is not known beforehand.")
        return read_manifest(uri, resource.compiled.content().decode(errors="replace"))


def _file(uri: str, resource: ServedResource) -> SkillFile | None:
    """None for a file whose content is not known beforehand."""
    if resource.compiled.content is None:
        return None
    content = resource.compiled.content()
    return SkillFile(uri, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))


def folders_of(uris: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What is directly in each folder of the skill:// space, sorted: files and further folders."""
    files = {uri for uri in uris if uri.startswith(SCHEME)}
    folders: dict[str, set[str]] = {}
    for uri in files:
        child, folder = uri, folder_of(uri)
        # Where something is a file already, it stays one.
        while folder is not None and folder not in files:
            folders.setdefault(folder, set()).add(child)
            child, folder = folder, folder_of(folder)
    return {folder: tuple(sorted(children)) for folder, children in folders.items()}
