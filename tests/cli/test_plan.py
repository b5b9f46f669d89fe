"""``plan``: a table at 80 columns, JSON, refusals that say what to do, and a page of documentation that is true."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from maskservice.domain.measured import MEASURED

PAGE = Path(__file__).parents[2] / "docs/planning.rst"
SCALES = {"%": Decimal("0.01"), "kB": Decimal(10**3), "MB": Decimal(10**6), "GB": Decimal(10**9), "TB": Decimal(10**12)}


@pytest.mark.parametrize("orders", ["1", "50000", "500_000", "1000000000"])
def test_the_table_is_readable_at_80_columns(run, orders):
    done = run("plan", "--orders-per-day", orders, "--extension-length", "8", "--density", "0.1%")
    assert done.exit_code == 0, done.output
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80
    for word in ("virtual numbers", "three guesses", "Erlang B", "workers", "PBX nodes", "benchmarks/planning.py"):
        assert word in done.stdout


def test_it_opens_nothing(run, tmp_path):
    assert run("plan", "--orders-per-day", "10").exit_code == 0
    assert not (tmp_path / "home").exists()


def test_shares_are_read_in_both_writings(result_of):
    with_signs = ("--density", "1%", "--busy-hour-share", "12 %", "--blocking", "1％")
    plain = ("--density", "0.01", "--busy-hour-share", "0.12", "--blocking", "0.01")
    asked = ("plan", "--orders-per-day", "1000", "--extension-length", "6")
    assert result_of(*asked, *with_signs) == result_of(*asked, *plain)


def test_what_cannot_be_is_told_all_at_once_and_says_what_to_give(refused):
    message = refused("plan", "--orders-per-day", "0", "--life", "-1", "--extension-length", "9", "--blocking", "100%")
    for said in ("orders per day: Give", "life: Give", "extension length: An extension has 4 to 8", "blocking: Give"):
        assert said in message


@pytest.mark.parametrize("typed", ["geheim", "nan", "inf", "1e999999", "1e-999999", ""])
@pytest.mark.parametrize("option", ["--life", "--density", "--calls-per-order", "--talk-seconds", "--blocking"])
def test_what_is_no_number_is_refused_with_the_way_to_write_it(refused, option, typed):
    message = refused("plan", "--orders-per-day", "1000", option, typed, code=2)
    assert "write a number" in message


def test_orders_have_to_be_given(refused):
    assert "--orders-per-day" in refused("plan", code=2)


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


# A row of a table: where the figure stands in ``--json``, and how the page writes it, with its unit.
ROW = re.compile(r"^``([a-z_]+\.[a-z_.]+)``.*?\s{2,}([0-9][0-9.,]*)(?: (%|[kMGT]B))?$", re.MULTILINE)


def _told(page):
    return {where: (Decimal(number.replace(",", "")), SCALES.get(unit, 1)) for where, number, unit in ROW.findall(page)}


def _leaves(result, path=""):
    for name, value in result.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield path + name, value


def test_the_page_s_example_is_what_the_command_computes(page, result_of):
    """docs/planning.rst works one example; a figure there that is not true fails here, and so does a missing one."""
    command = re.search(r"^    maskservice (plan .+)$", page, re.MULTILINE)
    assert command is not None
    leaves = dict(_leaves(result_of(*shlex.split(command[1]))))
    told = _told(page)
    # Half a unit of the last digit that is written.
    untrue = {
        where: leaves[where]
        for where, (number, scale) in told.items()
        if abs(Decimal(str(leaves[where])) - number * scale) > scale * Decimal(1).scaleb(number.as_tuple().exponent) / 2
    }
    assert not untrue
    planned = {
        where
        for where in leaves
        if where.partition(".")[0] in ("slots", "odds", "odds_when_full", "database_bytes", "traffic", "machines")
    }
    assert planned <= told.keys()


def test_the_page_tells_every_measured_figure(page, result_of):
    measured = result_of("plan", "--orders-per-day", "10")["measured"]
    assert {f"measured.{name}.value" for name in measured} <= _told(page).keys()
    for each in measured.values():
        assert (PAGE.parents[1] / each["source"]).is_file()


def test_figures_are_shown_with_where_they_come_from(run):
    shown = run("plan", "--orders-per-day", "10").stdout
    assert MEASURED.live_binding_bytes.what in shown
    assert MEASURED.pbx_calls_a_second.source in shown
