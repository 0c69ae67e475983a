"""Lists the attacks and how many cases try each: python -m tests.attacks. Exit 1: one names no test that there is."""

import contextlib
import io
import sys

import pytest

from tests.attacks.catalogue import TESTS, Counted, catalogue, named


def main() -> int:
    """The exit code."""
    attacks, counted = catalogue(), Counted()
    files = sorted({str(TESTS / test.partition("::")[0]) for test in named(attacks)})
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-q", *files], plugins=[counted])
    cases = counted.cases
    for area, lines in attacks.items():
        print(f"\n{area}: {sum(cases[test] for test in {test for tests in lines.values() for test in tests})} cases")
        for attack, tests in lines.items():
            print(f"{sum(cases[test] for test in tests):>5}  {attack}")
    lost = sorted(test for test in named(attacks) if not cases[test])
    count = sum(len(lines) for lines in attacks.values())
    print(f"\n{count} attacks, {sum(cases[test] for test in named(attacks))} cases")
    print("\n".join(f"no such test: {test}" for test in lost))
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
