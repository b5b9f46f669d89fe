"""Importing a roster: one bad row spoils no other, and the same list twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.phone import read_phone
from maskservice.services.records import Tenant
from maskservice.services.roster import get_courier, list_couriers
from maskservice.services.roster_import import ROWS_AT_ONCE, RowOutcome, import_couriers
from maskservice.services.roster_judging import CourierDraft
from tests.counting import count_statements
from tests.services.conftest import Shop


def row(name: str, *phones: str, carrier: str = "黑貓", pin: str | None = None) -> CourierDraft:
    return CourierDraft(name, carrier, tuple(map(read_phone, phones)), pin)


def imported(shop: Shop, *rows: CourierDraft | InvalidContent, tenant: Tenant | None = None) -> Sequence[RowOutcome]:
    return list(import_couriers(tenant or shop.tenant, rows, shop.ports))


def said(outcomes: Sequence[RowOutcome]) -> list[str]:
    found = []
    for each in outcomes:
        if each.refusal is None:
            found.append("added" if each.created else "known")
        elif isinstance(each.refusal, InvalidContent):
            found.append(" ".join(f"{error.pointer}:{error.code}" for error in each.refusal.errors))
        else:
            found.append(each.refusal.code)
    return found


ROWS = (
    row("王大明", "0987-654-321", pin="auto"),
    row("林一", "0955-000-111", "02-2345-6789", pin="5082"),
    row("替班", pin="6193"),
)


def test_the_same_list_twice_changes_nothing(shop: Shop) -> None:
    first = imported(shop, *ROWS)
    assert said(first) == ["added"] * 3
    made = first[0].courier
    assert made is not None
    assert made.pin is not None
    before = list_couriers(shop.tenant, limit=9, ports=shop.ports)
    shop.clock.move(days=1)
    with count_statements(shop.database) as sent:
        again = imported(shop, *ROWS)
    assert said(again) == ["known"] * 3
    assert [each.courier.id for each in again if each.courier] == [each.courier.id for each in first if each.courier]
    assert again[0].courier is not None
    assert again[0].courier.pin is None
    assert list_couriers(shop.tenant, limit=9, ports=shop.ports) == before
    assert [each for each in sent if not each.startswith("SELECT")] == []


def test_a_row_whose_phones_are_one_couriers_updates_him(shop: Shop) -> None:
    imported(shop, *ROWS)
    outcomes = imported(
        shop,
        row("林二", "0955000111", carrier="新竹"),
        row("林二", "02-2345-6789", carrier="新竹", pin="7204"),
        row("王大明", "0987-654-321", pin="5082"),
    )
    assert said(outcomes) == ["known"] * 3
    view = outcomes[1].courier
    assert view is not None
    assert (view.name, view.carrier, view.phones, view.pin) == ("林O", "新竹", ("111", "789"), "7204")
    assert len(list_couriers(shop.tenant, limit=9, ports=shop.ports).rows) == 3


def test_one_bad_row_spoils_no_other(shop: Shop) -> None:
    imported(shop, *ROWS)
    refused = InvalidContent((FieldError("/name", "wrong_type", "x"),))
    outcomes = imported(
        shop,
        row("", "12", carrier="0912345678", pin="1111"),
        row("甲", "0966-000-001"),
        refused,
        row("乙", "0987-654-321", "0966-000-002"),
        row("乙", "0987-654-321", "0955-000-111"),
        row("乙", "0966-000-003", pin="5082"),
        row("乙", pin="6193"),
        row("乙"),
        row("乙", pin="auto"),
        row("乙", "0900-000000"),
        row("丙", "0966-000-004", pin="8315"),
    )
    assert said(outcomes) == [
        "/name:blank /carrier:number_in_carrier /phones/0:invalid_number /pin:pin_trivial",
        "added",
        "/name:wrong_type",
        "phone_enrolled",
        "phone_enrolled",
        "pin_taken",
        "pin_taken",
        "/phones:phone_or_pin_required",
        "/phones:phone_or_pin_required",
        "/phones/0:own_masked_number",
        "added",
    ]
    assert outcomes[2].refusal is refused
    assert len(list_couriers(shop.tenant, limit=20, ports=shop.ports).rows) == 5


def test_rows_of_one_list_know_each_other(shop: Shop) -> None:
    outcomes = imported(
        shop,
        row("甲", "0966-000-001", pin="5082"),
        row("乙", "0966-000-001"),
        row("丙", "0966-000-002", pin="5082"),
        row("丁一", "0966-000-001", pin="7204"),
        row("丙", "0966-000-002", pin="5082"),
    )
    assert said(outcomes) == ["added", "known", "pin_taken", "known", "added"]
    first = outcomes[0].courier
    assert first is not None
    assert get_courier(shop.tenant, first.id, ports=shop.ports).name == "丁O"


def test_a_pin_of_its_own_is_set_once_where_auto_stands(shop: Shop) -> None:
    (made,) = imported(shop, row("甲", "0966-000-001"))
    (given,) = imported(shop, row("甲", "0966-000-001", pin="auto"))
    (kept,) = imported(shop, row("甲", "0966-000-001", pin="auto"))
    assert made.courier is not None
    assert given.courier is not None
    assert kept.courier is not None
    assert (made.courier.has_pin, kept.courier.has_pin, kept.courier.pin) == (False, True, None)
    assert given.courier.pin


def test_many_rows_in_commits_of_a_hundred(shop: Shop) -> None:
    rows = [row(f"{place}號", f"0966{place:06d}") for place in range(2 * ROWS_AT_ONCE + 5)]
    with count_statements(shop.database) as sent:
        outcomes = import_couriers(shop.tenant, rows, shop.ports)
        assert next(outcomes).created
        # What is told is committed.
        assert len(list_couriers(shop.tenant, limit=200, ports=shop.ports).rows) == ROWS_AT_ONCE
        assert said([*outcomes]) == ["added"] * (len(rows) - 1)
    assert len(sent) < 2 * len(rows) + 30
    assert imported(shop) == []


def test_tenants_have_rosters_of_their_own(shop: Shop) -> None:
    imported(shop, *ROWS)
    assert said(imported(shop, *ROWS, tenant=shop.another("另一家店"))) == ["added"] * 3


def test_a_broken_row_is_not_half_written(shop: Shop) -> None:
    imported(shop, row("甲一", "0966-000-001"), row("乙一", "0966-000-002", pin="5082"))
    assert said(imported(shop, row("換掉", "0966-000-001", carrier="新", pin="5082"))) == ["pin_taken"]
    names = {(each.name, each.carrier) for each in list_couriers(shop.tenant, limit=9, ports=shop.ports).rows}
    assert names == {("甲O", "黑貓"), ("乙O", "黑貓")}


@pytest.mark.parametrize("index", [0, ROWS_AT_ONCE])
def test_an_outcome_for_every_row_in_order(shop: Shop, index: int) -> None:
    rows: list[CourierDraft | InvalidContent] = [row("x", f"0966{place:06d}") for place in range(ROWS_AT_ONCE + 1)]
    rows[index] = replace(row("x", "12"))
    outcomes = imported(shop, *rows)
    assert [place for place, each in enumerate(outcomes) if each.refusal is not None] == [index]
