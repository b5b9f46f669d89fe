"""What is kept for months, and then goes in bounded steps: call records, purged bindings, their places in the index."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maskservice.domain.errors import NotFound
from maskservice.domain.months import month_of, months_after
from maskservice.services import binding_reads
from maskservice.services.bindings import create_binding
from maskservice.services.call_records import list_calls
from maskservice.services.expiry import work_round
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.retention import Cleared, Kept, clear_old
from tests.services.conftest import Shop, X

STRANGER = "+886987654321"


def clear(shop: Shop, kept: Kept, *, limit: int = 100) -> list[Cleared]:
    """Steps until nothing is left to do."""
    done, after = [], ""
    for _ in range(50):
        done.append(clear_old(shop.ports, kept, limit=limit, after=after))
        after = done[-1].next
        if not done[-1].busy:
            return done
    raise AssertionError("it does not end")


def calls(shop: Shop) -> int:
    return len(list_calls(None, limit=200, before=None, ports=shop.ports).rows)


@pytest.mark.parametrize(("moment", "count", "expected"), [
    ("2026-11-24T04:30:00+00:00", 0, "2026-11-01"),
    ("2026-11-24T04:30:00+00:00", -12, "2025-11-01"),
    ("2026-11-24T04:30:00+00:00", -11, "2025-12-01"),
    ("2026-11-24T04:30:00+00:00", 2, "2027-01-01"),
    ("2027-01-01T07:59:59+08:00", 0, "2026-12-01"),
])  # fmt: skip
def test_months(moment: str, count: int, expected: str) -> None:
    from datetime import datetime

    found = months_after(month_of(datetime.fromisoformat(moment)), count)
    assert found.isoformat() == f"{expected}T00:00:00+00:00"


def test_a_naive_time_has_no_month() -> None:
    from datetime import datetime

    with pytest.raises(ValueError, match="naive"):
        month_of(datetime(2026, 1, 1))  # noqa: DTZ001 -- that is the point


def test_call_records_are_kept_for_whole_months(shop: Shop) -> None:
    shop.leg(STRANGER, X)
    first = shop.clock.now()
    turn = months_after(month_of(first), 1)
    shop.clock.move(seconds=int((turn - first).total_seconds()))
    shop.leg(STRANGER, X)
    kept = Kept(calls=2)
    for _ in range(2):  # two whole months after it
        assert calls(shop) == 2
        clear(shop, kept)
        shop.clock.move(days=31)
    clear(shop, kept)
    assert calls(shop) == 1
    shop.clock.move(days=31)
    clear(shop, kept)
    assert calls(shop) == 0


def test_a_worker_that_did_not_run_for_months_catches_up_in_bounded_steps(shop: Shop) -> None:
    for _ in range(7):
        shop.leg(STRANGER, X)
        shop.clock.move(days=31)
    shop.clock.move(days=400)
    shop.leg(STRANGER, X)
    assert calls(shop) == 8
    done = clear(shop, Kept(calls=1), limit=3)
    assert calls(shop) == 1
    assert all(each.calls <= 3 and each.months_dropped <= 1 for each in done)
    if not shop.database.is_sqlite:
        assert sum(each.months_dropped for each in done) >= 7


def test_a_purged_binding_goes_with_its_order_and_its_number_is_bound_anew(shop: Shop) -> None:
    view = shop.bind(expires_in=3600)
    kept = shop.bind("another", expires_in=3600)
    shop.clock.move(days=40)
    assert work_round(shop.ports).freed == 2
    shop.clock.move(days=300)
    assert sum(each.bindings for each in clear(shop, Kept())) == 0
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports).recipient_name is None
    shop.clock.move(days=120)
    assert [each.bindings for each in clear(shop, Kept(), limit=1) if each.bindings] == [1, 1]
    for gone in (view, kept):
        with pytest.raises(NotFound):
            binding_reads.get_binding(shop.tenant, gone.id, ports=shop.ports)
    again = shop.bind()
    assert again.order_id == view.order_id
    assert again.id != view.id


def test_an_idempotency_key_never_outlives_its_binding(shop: Shop) -> None:
    order = replace(shop.order(expires_in=60), idempotency=IdempotentRequest("k", "r", b"{}"))
    made = create_binding(order, shop.ports)
    shop.clock.move(days=31)
    assert work_round(shop.ports).freed == 1
    shop.clock.move(days=80)  # past a month of retention, and the key is still known
    clear(shop, Kept(calls=1, bindings=1))
    assert create_binding(order, shop.ports).view.id == made.view.id
    shop.clock.move(days=121)
    work_round(shop.ports)
    clear(shop, Kept(calls=1, bindings=1))
    assert create_binding(order, shop.ports).view.id != made.view.id


def test_what_lives_and_what_rests_is_never_touched(shop: Shop) -> None:
    view = shop.bind(expires_in=50 * 86400)
    shop.release(shop.bind("resting"))
    clear(shop, Kept(calls=1, bindings=1))
    assert shop.clock.now() + timedelta(days=50) == view.expires_at
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports).label is not None
    with shop.ports.unit(write=False) as uow:
        assert uow.pools.use()[0].held == 2
