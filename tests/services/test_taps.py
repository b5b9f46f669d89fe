"""One tap over real storage and cipher, on both databases: who reaches whom by dialling the number alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from maskservice.domain.call import Answer, Direction, Gather, InboundCall
from maskservice.domain.errors import InvalidContent, NotFound
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber, read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.services import binding_steps, call_records, pools
from maskservice.services.expiry import forget_old
from maskservice.services.records import Tenant
from maskservice.services.taps import Pass, Tap, tap
from maskservice.services.views import BindingView
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT, SECOND_RECIPIENT = "+886987654321", "+886911222333", "+886912345678", "+886955667788"


def give(
    shop: Shop, parcel: BindingId | MaskedNumber | str, caller: str = "0987-654-321", *, tenant: Tenant | None = None
) -> Pass:
    return tap(tenant or shop.tenant, Tap(parcel, read_phone(caller)), shop.ports)


def dial(shop: Shop, caller: str | None = COURIER) -> Answer:
    """X alone, no digits."""
    return shop.leg(caller, X).answer


def record(shop: Shop):  # type: ignore[no-untyped-def]
    found = call_records.list_calls(shop.tenant, limit=1, before=None, ports=shop.ports).rows
    return found[0]


@pytest.mark.parametrize("by", ["binding_id", "masked_number", "waybill"])
def test_who_was_tapped_for_reaches_the_recipient_by_the_number_alone(shop: Shop, by: str) -> None:
    view = shop.bind(waybill="H123")
    given = give(shop, {"binding_id": view.id, "masked_number": view.masked_number, "waybill": "H123"}[by])
    assert (given.dial_uri, given.expires_at) == (f"tel:{X}", shop.clock.now() + timedelta(seconds=180))
    for _ in range(3):  # as often as he likes
        assert number(dial(shop)) == RECIPIENT
    assert isinstance(dial(shop, OTHER), Gather)
    assert isinstance(dial(shop, None), Gather)


def test_the_call_is_recorded_and_the_recipient_reaches_him_back(shop: Shop) -> None:
    view = shop.bind()
    give(shop, view.id)
    dial(shop)
    made = record(shop)
    assert (made.direction, made.binding, made.party) == (Direction.TO_RECIPIENT, view.id.key, "recipient")
    assert [(step.step, step.found) for step in made.trace] == [
        ("line", "found"), ("pass", "found"), ("binding", "active"), ("caller", "courier"),
    ]  # fmt: skip
    shop.clock.move(seconds=1)
    assert number(dial(shop, RECIPIENT)) == COURIER


def test_a_pass_ends_after_180_seconds(shop: Shop) -> None:
    give(shop, shop.bind().id)
    shop.clock.move(seconds=179.999)
    assert number(dial(shop)) == RECIPIENT
    shop.clock.move(seconds=0.001)
    assert isinstance(dial(shop), Gather)


def test_a_pass_never_outlives_its_binding(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    assert give(shop, view.id).expires_at == view.expires_at
    shop.clock.move(seconds=60)
    assert isinstance(dial(shop), Gather)


@pytest.mark.parametrize("end", ["lock", "release", "expire"])
def test_a_pass_to_a_binding_that_ended_or_froze_meanwhile_is_none(shop: Shop, end: str) -> None:
    view = shop.bind()
    give(shop, view.id)
    if end == "lock":
        binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    elif end == "release":
        shop.release(view)
    else:
        change = binding_steps.ChangeBinding(shop.tenant, view.id, expires_in=60)
        binding_steps.change_binding(change, shop.ports)
        shop.clock.move(seconds=60)
    stranger = dial(shop, OTHER)
    assert dial(shop) == stranger
    assert isinstance(stranger, Gather)
    with pytest.raises(NotFound):
        give(shop, view.id)


def test_a_newer_tap_replaces_the_older(shop: Shop) -> None:
    first, second = shop.bind("A"), shop.bind("B", phone=SECOND_RECIPIENT)
    give(shop, first.id)
    give(shop, second.id)
    assert number(dial(shop)) == SECOND_RECIPIENT
    give(shop, first.id)
    assert number(dial(shop)) == RECIPIENT


def test_a_pass_goes_before_all_other_readings_of_a_bare_call(shop: Shop) -> None:
    """The courier is a recipient himself, reached by a courier, and a courier of late."""
    own = shop.bind("own", phone=COURIER)
    shop.reach(OTHER, own.masked_number.extension)
    view = shop.bind()
    assert number(dial(shop)) == OTHER
    give(shop, view.id)
    assert number(dial(shop)) == RECIPIENT
    assert number(dial(shop)) == RECIPIENT
    shop.clock.move(seconds=180)
    assert isinstance(dial(shop), Gather)


def test_a_tap_for_the_recipient_himself_leads_to_this_orders_courier_and_tells_nothing(shop: Shop) -> None:
    view, later = shop.bind("A"), shop.bind("B")
    shop.reach(COURIER, view.masked_number.extension)
    shop.reach(OTHER, later.masked_number.extension)
    assert isinstance(dial(shop, RECIPIENT), Gather)  # the menu
    assert give(shop, view.id, RECIPIENT) == give(shop, view.id, "0933-221-100")
    assert number(dial(shop, RECIPIENT)) == COURIER


def test_the_newest_live_binding_of_a_waybill_is_meant(shop: Shop) -> None:
    shop.bind("A", waybill="H1")
    shop.clock.move(seconds=1)
    newer = shop.bind("B", waybill="H1", phone=SECOND_RECIPIENT)
    give(shop, "H1")
    assert number(dial(shop)) == SECOND_RECIPIENT
    shop.release(newer)
    give(shop, "H1")
    assert number(dial(shop)) == RECIPIENT


# -- what is refused ------------------------------------------------------------------------------------------------


def parcels(view: BindingView) -> list[BindingId | MaskedNumber | str]:
    return [view.id, view.masked_number, "H1"]


def test_another_tenants_binding_is_not_there(shop: Shop) -> None:
    view, stranger = shop.bind(waybill="H1"), shop.another("別家")
    for parcel in parcels(view):
        with pytest.raises(NotFound):
            give(shop, parcel, tenant=stranger)
    assert isinstance(dial(shop), Gather)


@pytest.mark.parametrize("end", ["lock", "release", "expire"])
def test_a_binding_that_is_not_live_is_not_found(shop: Shop, end: str) -> None:
    view = shop.bind(waybill="H1", expires_in=60)
    if end == "lock":
        binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    elif end == "release":
        shop.release(view)
    else:
        shop.clock.move(seconds=60)
    for parcel in parcels(view):
        with pytest.raises(NotFound):
            give(shop, parcel)


def test_a_death_that_a_tap_saw_is_kept(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    shop.clock.move(seconds=60)
    with pytest.raises(NotFound):
        give(shop, view.id)
    shop.clock.move(seconds=-60)
    with pytest.raises(NotFound):
        give(shop, view.id)


@pytest.mark.parametrize(
    ("caller", "code"),
    [
        ("0900-000000", "own_masked_number"),
        ("+852 9123 4567", "international"),
        ("0204-123456", "premium_rate"),
        ("0912-***-678", "already_masked"),
        ("", "no_digits"),
        ("0987-654-321/0911-222-333", "multiple_numbers"),
        ("098765432", "wrong_length"),
    ],
)
def test_a_caller_that_may_not_be_bound_is_refused_with_its_code(shop: Shop, caller: str, code: str) -> None:
    view = shop.bind()
    with pytest.raises(InvalidContent) as refused:
        give(shop, view.id, caller)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/caller", code)]


def test_countries_that_the_tenant_allows_may_tap(shop: Shop) -> None:
    tenant = shop.another("港店", countries=frozenset({"HK"}))
    view = shop.bind(tenant=tenant)
    give(shop, view.id, "+852 9123 4567", tenant=tenant)
    assert number(dial(shop, "+85291234567")) == RECIPIENT


# -- the guard ------------------------------------------------------------------------------------------------------


def test_a_blocked_caller_is_answered_as_if_he_had_no_pass(shop: Shop) -> None:
    view = shop.bind()
    for _ in range(10):
        shop.leg(COURIER, X, "12345")
    without = dial(shop)
    give(shop, view.id)
    assert dial(shop) == without
    assert isinstance(without, Gather)
    assert isinstance(shop.reach(COURIER, view.masked_number.extension), Gather)
    shop.clock.move(minutes=15)
    give(shop, view.id)
    assert number(dial(shop)) == RECIPIENT


def test_a_blocked_caller_who_is_a_recipient_too_still_calls_back(shop: Shop) -> None:
    own, view = shop.bind("own", phone=COURIER), shop.bind()
    shop.reach(OTHER, own.masked_number.extension)
    for _ in range(10):
        shop.leg(COURIER, X, "12345")
    give(shop, view.id)
    assert number(dial(shop)) == OTHER


def test_a_number_for_enrolled_callers_only_takes_no_pass(shop: Shop) -> None:
    give(shop, shop.bind().id)
    with shop.ports.unit() as uow:
        uow.guard.restrict(X, until=shop.clock.now() + timedelta(minutes=2), at=shop.clock.now())
        uow.commit()
    assert isinstance(dial(shop), Gather)
    shop.clock.move(minutes=2)
    assert number(dial(shop)) == RECIPIENT


def test_what_is_reached_by_passes_is_counted(shop: Shop) -> None:
    pools.set_guard("default", GuardPolicy(reach_per_day=2), ports=shop.ports)
    first, second, third = (shop.bind(str(place), phone=f"091200000{place}") for place in range(3))
    for _ in range(3):
        give(shop, first.id)
        assert number(dial(shop)) == "+886912000000"  # the same one again costs nothing
    give(shop, second.id)
    assert number(dial(shop)) == "+886912000001"
    give(shop, third.id)
    assert isinstance(dial(shop), Gather)


# -- retries, statements, dry run, worker -----------------------------------------------------------------------------


def test_a_retried_webhook_gets_the_same_recipient_also_after_a_newer_tap_and_the_end_of_the_pass(shop: Shop) -> None:
    first, second = shop.bind("A"), shop.bind("B", phone=SECOND_RECIPIENT)
    give(shop, first.id)
    answer = shop.leg(COURIER, X, call="c", webhook="w").answer
    give(shop, second.id)
    shop.clock.move(seconds=200)
    again = shop.leg(COURIER, X, call="c", webhook="w")
    assert again.replayed
    assert again.answer == answer
    assert number(again.answer) == RECIPIENT
    shop.release(first)
    assert number(shop.leg(COURIER, X, call="c", webhook="w").answer) is None


def test_a_call_under_way_gets_nothing_more_after_its_connect(shop: Shop) -> None:
    give(shop, shop.bind().id)
    assert number(shop.leg(COURIER, X, call="c").answer) == RECIPIENT
    assert number(shop.leg(COURIER, X, call="c").answer) is None


def test_a_look_up_by_pass_sends_at_most_two_reads_and_one_write_transaction(shop: Shop) -> None:
    give(shop, shop.bind().id)
    with count_statements(shop.database) as sent:
        assert number(dial(shop)) == RECIPIENT
    reads = [each for each in sent if each.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(reads) <= 2, sent
    # The guard's caller (held, then saved), receipt, record, contact.
    assert len(sent) - len(reads) <= 5, sent


def test_a_dry_run_knows_the_tenants_pass_and_nobody_elses(shop: Shop) -> None:
    view = shop.bind()
    give(shop, view.id)
    call = InboundCall("dry-run", read_caller(COURIER), read_dialled(X))
    mine = call_records.dry_run(shop.tenant, call, ports=shop.ports)
    assert ("pass", "found") in [(step.step, step.found) for step in mine.trace]
    theirs = call_records.dry_run(shop.another("別家"), call, ports=shop.ports)
    assert (
        theirs.ruling.decision
        == call_records.dry_run(
            shop.another("第三家"), InboundCall("dry-run", read_caller(OTHER), read_dialled(X)), ports=shop.ports
        ).ruling.decision
    )
    assert [step.step for step in theirs.trace] == ["line", "recipient"]


def test_the_worker_forgets_passes_that_have_expired(shop: Shop) -> None:
    give(shop, shop.bind().id)
    shop.clock.move(seconds=180)
    assert forget_old(shop.ports, limit=10) == 0
    shop.clock.move(seconds=1)
    assert forget_old(shop.ports, limit=10) == 1


def test_a_pass_holds_no_number(shop: Shop) -> None:
    give(shop, shop.bind().id)
    with shop.database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM passes")).all()
    assert "987654321" not in str(row)
    assert "912345678" not in str(row)
    assert "987654321" not in repr(Tap("H1", read_phone(COURIER)))
