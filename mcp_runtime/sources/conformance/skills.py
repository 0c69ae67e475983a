"""Two skills: one with a folder in it, and a second one beside it."""

from mcp_runtime.sources.contract import ResourceDraft

DEMO = """---
name: demo
description: Shows how a skill is served over MCP. Use it when somebody asks for a demonstration.
license: Apache-2.0
metadata:
  version: "1.0"
---

# Demo

Read `references/GUIDE.md`, then greet.
"""

GUIDE = """# Guide

Greet in the language that you were greeted in.
"""

REVIEW = """---
name: review
description: Reviews a change for what it leaves untested.
---

# Review

Name each branch that no test reaches.
"""


def _file(uri: str, text: str) -> ResourceDraft:
    return ResourceDraft(uri=uri, name=uri.rpartition("/")[2], mime_type="text/markdown", config={"text": text})


SKILL_FILES = (
    _file("skill://conformance/demo/SKILL.md", DEMO),
    _file("skill://conformance/demo/references/GUIDE.md", GUIDE),
    _file("skill://conformance/review/SKILL.md", REVIEW),
)
