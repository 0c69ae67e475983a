"""The `armstrong` command."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from config.problems import Problem, suggestion
from core.environment import BadEnvironment

USAGE_ERROR = 2  # what argparse answers too


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its module is imported when it is used: `serve runtime` shall not wait for Daphne to load.

    The module has `run(arguments) -> int`, and `add_arguments(parser)`, unless `passes_on`: then run gets the words.
    """

    name: str
    module: str
    text: str
    passes_on: bool = False


COMMANDS = (
    Command("up", "config.cli.up", "run everything on this machine, in the foreground"),
    Command("serve", "config.cli.serve", "run one role in the foreground: console, runtime, jobs, tasks, beat, or all"),
    Command("provision", "config.cli.provision", "make the database and its two roles, as DATABASE_ADMIN_URL"),
    Command("migrate", "config.cli.migrate", "bring the database's tables up to date, as DATABASE_OWNER_URL"),
    Command("alive", "config.cli.alive", "ask the role in this container whether it answers"),
    Command("top", "config.cli.top", "watch every process of the running platform"),
    Command("reload", "config.cli.reload", "replace the platform's processes one by one, with new code or settings"),
    Command("doctor", "config.cli.doctor", "check each part and say what to do"),
    Command("source", "config.cli.source", "add, list, import, approve or remove sources of an endpoint"),
    Command("audit", "config.cli.audit", "verify an export of a tenant's audit log, or make one"),
    Command(
        "billing",
        "config.cli.billing",
        "list plans, agree on contracts, keep Stripe's catalogue, replay its events",
    ),
    Command("manage", "config.cli.manage", "Django's command line with the platform's environment", passes_on=True),
)


def main(words: list[str] | None = None) -> int:
    """Runs one command; the exit status. What a person can put right is said in a sentence, without a traceback."""
    words = sys.argv[1:] if words is None else words
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        return _dispatch(words)
    except (Problem, BadEnvironment) as problem:
        sys.stderr.write(f"armstrong: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells have it


def _dispatch(words: list[str]) -> int:
    named = next((word for word in words if not word.startswith("-")), None)
    command = next((command for command in COMMANDS if command.name == named), None)
    if named is not None and command is None:
        return _unknown(named)
    if command is None:
        _parser().parse_args(words or ["--help"])
        return USAGE_ERROR
    module = importlib.import_module(command.module)
    run: Callable[[argparse.Namespace | list[str]], int] = module.run
    if command.passes_on:
        return run(words[words.index(command.name) + 1 :])
    parser = argparse.ArgumentParser(prog=f"armstrong {command.name}", description=_sentence(command.text))
    module.add_arguments(parser)
    return run(parser.parse_args(words[words.index(command.name) + 1 :]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="armstrong", description="Joe Armstrong AGI MCP.")
    parser.add_argument("--version", action="version", version=f"armstrong {version('armstrong')}")
    listed = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        listed.add_parser(command.name, help=command.text)
    return parser


def _unknown(named: str) -> int:
    hint = suggestion(named, [command.name for command in COMMANDS])
    sys.stderr.write(f"armstrong: there is no command {named!r}. {hint}\n")
    return USAGE_ERROR


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
