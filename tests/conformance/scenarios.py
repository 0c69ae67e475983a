"""What is run: each set of scenarios, by which of the suite's pre-releases, and what it has to hold."""

import re
from dataclasses import dataclass

ALPHA_12 = "@modelcontextprotocol/conformance"
ALPHA_11 = "conformance-alpha-11"
SKILLS = ("sep-2640-skills-enumeration", "sep-2640-skills-directory", "sep-2640-skills-manifest")


@dataclass(frozen=True)
class Run:
    """One run of the suite. `package` is where npm puts it, `scenarios` how many scenarios it must have run.

    `side` is whom it tests: a server at a URL, a client that it starts for each scenario, or the authorization server
    of an endpoint; `fact` is what the platform calls the address of that endpoint.
    """

    name: str
    package: str
    arguments: tuple[str, ...]
    scenarios: int
    side: str = "server"
    fact: str = "conformance_url"

    @property
    def suite(self) -> str:
        """The pre-release, as the table calls it."""
        return {ALPHA_12: "0.2.0-alpha.12", ALPHA_11: "0.2.0-alpha.11"}[self.package]

    @property
    def folder(self) -> str:
        """Where its results go."""
        return f"{self.name}-{self.suite}"


RUNS = (
    # 30 scored and 3 that are not; 37 scored and 13 that are not.
    Run("2025-11-25", ALPHA_12, ("--requirements", "2025-11-25"), 33),
    Run("2026-07-28", ALPHA_12, ("--requirements", "2026-07-28"), 50),
    Run("2025-06-18", ALPHA_12, ("--suite", "active", "--spec-version", "2025-06-18"), 27),
    *(Run(name.removeprefix("sep-2640-"), ALPHA_12, ("--scenario", name), 1) for name in SKILLS),
    # The earlier rules for the names of tools are stricter in some points.
    Run("2025-11-25", ALPHA_11, ("--requirements", "2025-11-25"), 33),
    Run("2026-07-28", ALPHA_11, ("--requirements", "2026-07-28"), 50),
    # Our client towards upstreams: 18 scored and 7 that are not; 32 scored and 7 that are not.
    Run("client-2025-11-25", ALPHA_12, ("--requirements", "2025-11-25"), 25, "client"),
    Run("client-2026-07-28", ALPHA_12, ("--requirements", "2026-07-28"), 39, "client"),
    # Never scored: metadata, and a code that a person lets the suite have.
    Run("authorization", ALPHA_12, (), 2, "authorization", "mcp_url"),
    Run("authorization-host", ALPHA_12, (), 2, "authorization", "host_mcp_url"),
)


@dataclass(frozen=True)
class Excuse:
    """What the suite itself gets wrong, whatever a server does: checks that end with `status` and say nothing else.

    Every line of their message matches `says`. One that no check needs any more is to be taken out.
    """

    suite: str
    scenario: re.Pattern[str]
    check: re.Pattern[str]
    status: str
    says: re.Pattern[str]
    reason: str


# Extensions of the authorization specification that the vault does not speak; none of them is scored.
NOT_SPOKEN = {
    "auth/dpop": "DPoP (SEP-1932, a draft)",
    "auth/dpop-nonce": "DPoP (SEP-1932, a draft)",
    "auth/enterprise-managed-authorization": "identity assertions of an enterprise's own provider (SEP-990)",
    "auth/wif-jwt-bearer": "workload identities (SEP-1933, a draft)",
}

EXCUSES = (
    *(
        Excuse(
            "0.2.0-alpha.12",
            re.compile(re.escape(scenario)),
            re.compile("sep-1932-.*|complete-flow-.*|wif-.*"),
            "FAILURE",
            re.compile(".*"),
            f"{scenario} tests an extension that is not scored and not spoken: {what}",
        )
        for scenario, what in NOT_SPOKEN.items()
    ),
    Excuse(
        "0.2.0-alpha.12",
        re.compile("http-standard-headers"),
        re.compile("sep-2243-client-includes-standard-headers"),
        "SKIPPED",
        re.compile("Client did not send a (initialize|notifications/initialized) request; .*"),
        "the suite looks for a handshake on the revision that has none",
    ),
    *(
        Excuse(
            suite,
            re.compile("tasks-status-notifications"),
            re.compile("tasks-status-notifications"),
            "SKIPPED",
            re.compile("Skipped: .*The harness needs a rewrite.*"),
            "the suite runs this scenario against no server until its harness is rewritten",
        )
        for suite in ("0.2.0-alpha.12", "0.2.0-alpha.11")
    ),
    Excuse(
        "0.2.0-alpha.11",
        re.compile("tasks-.*"),
        re.compile("wire-schema-valid"),
        "FAILURE",
        re.compile(r".*CallToolResult: must have required property 'content'.*\{\"resultType\":\"task\",.*"),
        "0.2.0-alpha.11 knows no results of extensions and takes every answer to tools/call for a CallToolResult",
    ),
)
