"""`armstrong source …`: an endpoint's sources from a shell beside the platform: add, list, import, approve, remove."""

import argparse
import importlib
from pathlib import Path

from config.machine.options import state_folder
from config.machine.state import adopt_environment
from config.roles.django_process import set_up

WHERE = "TENANT/ENDPOINT"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The five acts."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    _add(acts.add_parser("add", help="add a source, and import what it offers"))
    _named(acts.add_parser("import", help="look again at all that a source offers"), imports=True)
    _named(acts.add_parser("approve", help="approve what waits and in which nothing was found, or what is named"))
    _named(acts.add_parser("remove", help="remove a source with all that is served of it"))
    listed = acts.add_parser("list", help="list the sources of an endpoint, or what one offers")
    _endpoint(listed)
    listed.add_argument("slug", nargs="?", default="", help="of a source: list what it offers")


def run(arguments: argparse.Namespace) -> int:
    """Performs one act; the exit status is 1 where an import failed. Raises Problem."""
    adopt_environment(state_folder())
    set_up()
    # Models can be imported from here on.
    status: int = importlib.import_module("config.sources.acts").perform(arguments).print(as_json=arguments.json)
    return status


def _add(parser: argparse.ArgumentParser) -> None:
    _endpoint(parser)
    parser.add_argument("--kind", required=True, help="openapi, mcp, graphql, grpc, sql or http")
    parser.add_argument("--slug", required=True, help="1 to 24 small letters, digits and underscores")
    parser.add_argument("--name", default="", help="what people call it; the slug, if left out")
    parser.add_argument("--prefix", help="before the names of its tools; the slug and an underscore, if left out")
    parser.add_argument("--url", default="", help="where it, or its document, is")
    parser.add_argument("--file", type=Path, help="a document, a schema, descriptors or a database to upload")
    parser.add_argument("--config", default="{}", help="the rest of its configuration as JSON, or @file")
    parser.add_argument(
        "--secret", action="append", default=[], metavar="NAME=VALUE", help="NAME=@file reads the value from a file"
    )
    _imports(parser)
    parser.add_argument("--import", dest="imports", action="store_true", help="import at once")


def _named(parser: argparse.ArgumentParser, *, imports: bool = False) -> None:
    _endpoint(parser)
    parser.add_argument("slug", help="of the source")
    if imports:
        _imports(parser)
    elif parser.prog.endswith("approve"):
        parser.add_argument("--name", action="append", default=[], help="approve this one, whatever was found in it")


def _imports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--approve-clean", action="store_true", help="approve what nothing is found in")


def _endpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("endpoint", metavar=WHERE, help="such as acme/pets")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
