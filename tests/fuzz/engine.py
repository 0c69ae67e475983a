"""One target under atheris (libFuzzer): python -m tests.fuzz.engine decoder|ladder <libFuzzer's arguments>."""

import importlib
import json.decoder
import json.scanner
import os
import shlex
import sys
from collections.abc import Callable

import atheris

INSTRUMENTED = ["mcp_runtime", "tests.fuzz.strict"]
# Loaded long before this module is: what the strict reader's walk runs through.
READING = {json.decoder: ("JSONArray", "JSONObject", "py_scanstring"), json.scanner: ("py_make_scanner",)}
JSON_CHANGES = 3  # of so many mutations all but one keep the body JSON


def _decoder() -> Callable[[bytes], None]:
    walk = importlib.import_module("tests.fuzz.strict").walk
    check_decoder = importlib.import_module("tests.fuzz.invariants").check_decoder

    def check(body: bytes) -> None:
        walk(body)
        check_decoder(body)

    return check


def _ladder() -> Callable[[bytes], None]:
    runtime = importlib.import_module("tests.fuzz.invariants").Runtime()
    framing = importlib.import_module("tests.fuzz.framing").Framing(runtime)

    def check(data: bytes) -> None:
        runtime.check(*framing.read(data))

    return check


def _mutate(data: bytes, maximum: int, seed: int) -> bytes:
    mutated: bytes | None = None
    if seed % JSON_CHANGES:
        mutated = importlib.import_module("tests.fuzz.mutating").mutate(data, seed)
    if mutated is None or len(mutated) > maximum:
        mutated = atheris.Mutate(data, maximum)
    return mutated


def main() -> None:
    """Fuzzes until libFuzzer ends this process."""
    name, *arguments = sys.argv[1:]
    os.environ.setdefault("ARMSTRONG_SECRET_KEY", "only-for-fuzzing-" + "0" * 40)
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        for module, names in READING.items():
            for function in names:
                atheris.instrument_func(getattr(module, function))
        check = {"decoder": _decoder, "ladder": _ladder}[name]()
    # libFuzzer starts itself anew to merge, through a shell and by this name.
    command = f"{shlex.quote(sys.executable)} -m {__spec__.name} {name}"
    atheris.Setup([command, *arguments], check, custom_mutator=_mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
