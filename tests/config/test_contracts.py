"""`armstrong billing` on what is sold: plans are listed; a contract is agreed on, shown and ended by shell words."""

from datetime import UTC, datetime

import pytest

from billing.plans.models import Contract, Entitlement
from config.cli import main
from core.tenancy import tenant_context
from tests.conftest import Cast
from tests.entitled import entitle_outside


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["billing", *words]) == 0
    return capsys.readouterr().out


def _held(cast: Cast) -> Entitlement:
    with tenant_context(cast.tenant.id):
        return Entitlement.objects.get()


def test_every_version_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(capsys, "plans")
    assert "developer-1: Developer, 0.00 a month, 1,000 connections, on sale" in said
    assert "unlimited-1: Unlimited, by agreement, unlimited connections, on sale" in said


def test_a_contract_is_agreed_shown_and_ended(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    entitle_outside(cast.tenant.id, "professional")
    words = ["--plan", "unlimited", "--connections", "750000", "--endpoints", "none", "--price", "7500.50"]
    more = ["--overage", "1.5", "--by-hand", "--note", "Signed by Joe", "--until", "2099-12-31"]
    said = _said(capsys, "contract", cast.tenant.slug, *words, *more)
    assert f"{cast.tenant.slug}: unlimited-1, contract until 2100-01-01 00:00 UTC, 750,000 connections" in said
    for line in ("price: 7,500.50 a month", "overage: 1.5 millicents", "invoiced by hand", "note: Signed by Joe"):
        assert line in said
    held = _held(cast)
    assert (held.plan_id, held.standing, held.until) == ("unlimited-1", "contract", datetime(2100, 1, 1, tzinfo=UTC))
    assert (held.connections, held.endpoints, held.scim) == (750_000, None, True)
    assert _said(capsys, "contract", cast.tenant.slug) == said
    assert "No contract is in force." in _said(capsys, "contract", cast.tenant.slug, "--end")
    assert (_held(cast).plan_id, _held(cast).standing) == ("professional-1", "active")


def test_limits_alone_leave_the_tenant_its_plan(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    entitle_outside(cast.tenant.id, "professional")
    _said(capsys, "contract", cast.tenant.slug, "--connections", "60000")
    held = _held(cast)
    assert (held.plan_id, held.standing, held.connections, held.endpoints) == ("professional-1", "active", 60_000, 100)


def test_a_contract_takes_the_place_of_the_one_before(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    _said(capsys, "contract", cast.tenant.slug, "--connections", "2000", "--members", "9")
    _said(capsys, "contract", cast.tenant.slug, "--connections", "3000")
    assert (_held(cast).connections, _held(cast).members) == (3_000, 5)
    with tenant_context(cast.tenant.id):
        assert Contract.objects.filter(ends_at=None).count() == 1
        assert Contract.objects.count() == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--connections", "0"],
        ["--connections", "-1"],
        ["--connections", "100000001"],
        ["--connections", "many"],
        ["--connections", "\uff11\uff10"],
        ["--tools-per-endpoint", "none"],
        ["--usage-days", "366"],
        ["--audit-days", "29"],
        ["--price", "NaN"],
        ["--price", "-1"],
        ["--price", "1e400"],
        ["--price", "0.001"],
        ["--price", "100000000.01"],
        ["--overage", "Infinity"],
        ["--overage", "-0.5"],
        ["--overage", "0.0000001"],
        ["--plan", "platinum"],
        ["--plan", ""],
        ["--until", "2020-01-01"],
        ["--until", "tomorrow"],
        ["--until", "9999-12-31"],
        ["--note", "a\0b"],
        ["--end"],
    ],
    ids=" ".join,
)
def test_what_is_no_contract_is_refused_in_a_sentence(
    cast: Cast, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["billing", "contract", cast.tenant.slug, "=".join(words) if len(words) == 2 else words[0]]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("armstrong: ")
    assert "Traceback" not in said.err
    assert _held(cast).plan_id == "developer-1"
    with tenant_context(cast.tenant.id):
        assert not Contract.objects.exists()


@pytest.mark.parametrize("slug", ["nobody-of-this-name", "a\0b", "", "x" * 1000])
def test_nobody_has_no_contract(slug: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["billing", "contract", slug, "--connections", "5"]) == 1
    assert "There is nothing" in capsys.readouterr().err
