"""The recipient's link over real storage and cipher, on both databases: who is let through, to whom, and who is not."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy import text

from maskservice.domain.call import Answer, Direction, Gather, Hangup, InboundCall
from maskservice.domain.errors import BindingNotLive, NotFound
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.services import binding_steps, call_records, tenants
from maskservice.services.call_links import LinkedOrder, make_call_link, open_call_link, use_call_link
from maskservice.services.records import TenantPolicy
from maskservice.services.views import BindingView
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT, SECOND_RECIPIENT = "+886987654321", "+886911222333", "+886912345678", "+886955667788"


def link(shop: Shop, view: BindingView) -> str:
    return make_call_link(shop.tenant, view.id, ports=shop.ports).token


def press(shop: Shop, token: str):  # type: ignore[no-untyped-def]
    return use_call_link(token, ports=shop.ports)


def dial(shop: Shop, caller: str | None = RECIPIENT) -> Answer:
    """X alone, no digits."""
    return shop.leg(caller, X).answer


def end(shop: Shop, view: BindingView, how: str) -> None:
    if how == "lock":
        binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    elif how == "release":
        shop.release(view)
    else:
        binding_steps.change_binding(binding_steps.ChangeBinding(shop.tenant, view.id, expires_in=60), shop.ports)
        shop.clock.move(seconds=60)


ENDS = ["lock", "release", "expire"]


# -- the token --------------------------------------------------------------------------------------------------------


def test_the_link_is_the_same_every_time_and_lives_as_long_as_its_binding(shop: Shop) -> None:
    view, other = shop.bind("A"), shop.bind("B")
    made = make_call_link(shop.tenant, view.id, ports=shop.ports)
    assert made == make_call_link(shop.tenant, view.id, ports=shop.ports)
    assert (made.expires_at, len(made.token)) == (view.expires_at, 52)
    assert made.token != link(shop, other)


def test_the_token_holds_no_real_number(shop: Shop) -> None:
    token = link(shop, shop.bind())
    raw = base64.urlsafe_b64decode(token)
    for spelled in ("912345678", "0912345678", "886912345678"):
        assert spelled not in token
        assert int(spelled).to_bytes(7, "big").lstrip(b"\0") not in raw


def test_a_binding_of_another_tenant_has_no_link(shop: Shop) -> None:
    view, stranger = shop.bind(), shop.another("別家")
    with pytest.raises(NotFound):
        make_call_link(stranger, view.id, ports=shop.ports)


@pytest.mark.parametrize("how", ["release", "expire"])
def test_a_binding_that_has_ended_gets_no_link(shop: Shop, how: str) -> None:
    view = shop.bind()
    end(shop, view, how)
    with pytest.raises(BindingNotLive):
        link(shop, view)


def test_the_page_is_told_the_shop_the_masked_name_and_the_orders_tail(shop: Shop) -> None:
    assert open_call_link(link(shop, shop.bind()), ports=shop.ports) == LinkedOrder("示範商店", "陳O美", "9001", X)
    short = open_call_link(link(shop, shop.bind("A-1")), ports=shop.ports)
    assert short is not None
    assert short.tail is None


def forged(token: str, other: str) -> list[str]:
    """Every character changed in turn, cut, stretched, spelled otherwise, put together of two, and plain garbage."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = [
        token[:at] + alphabet[(alphabet.index(token[at]) + step) % 64] + token[at + 1 :]
        for at in range(len(token))
        for step in (1, 32)
    ]
    cut = [token[:size] for size in (0, 1, 30, 31, 48, 51)]
    return [
        *changed, *cut, token + "A", token + "AAAA", token + "=", token + "\n", "+" + token[1:], token[:51] + "/",
        " " + token, token.swapcase(),
        token[:31] + other[31:], other[:31] + token[31:], token[:32] + other[32:], other[:32] + token[32:],
        "A" * 52, "é" * 52, "%00", "..", "bnd_" + token, token.encode().hex(),
    ]  # fmt: skip


def test_a_forged_token_leads_nowhere_and_asks_the_database_nothing(shop: Shop) -> None:
    token, other = link(shop, shop.bind("A")), link(shop, shop.bind("B"))
    tried = forged(token, other)
    assert token not in tried
    with count_statements(shop.database) as sent:
        assert {open_call_link(each, ports=shop.ports) for each in tried} == {None}
        assert {press(shop, each) for each in tried} == {None}
    assert sent == []


@pytest.mark.parametrize("how", ENDS)
def test_a_link_to_a_binding_that_is_not_live_leads_nowhere(shop: Shop, how: str) -> None:
    view = shop.bind()
    token = link(shop, view)
    end(shop, view, how)
    assert open_call_link(token, ports=shop.ports) is None
    assert press(shop, token) is None
    if how == "lock":
        binding_steps.unlock_binding(shop.tenant, view.id, ports=shop.ports)
        assert open_call_link(token, ports=shop.ports) is not None


def test_a_death_that_was_seen_is_kept(shop: Shop) -> None:
    token = link(shop, shop.bind(expires_in=60))
    shop.clock.move(seconds=60)
    assert open_call_link(token, ports=shop.ports) is None
    shop.clock.move(seconds=-60)
    assert open_call_link(token, ports=shop.ports) is None


# -- the call ---------------------------------------------------------------------------------------------------------


def test_looking_at_the_page_gives_nothing(shop: Shop) -> None:
    first, second = shop.bind("A"), shop.bind("B")
    for view, courier in ((first, COURIER), (second, OTHER)):
        shop.reach(courier, view.masked_number.extension)
    token = link(shop, first)
    menu = dial(shop)
    with count_statements(shop.database) as sent:
        open_call_link(token, ports=shop.ports)
    assert [each.split()[0].upper() for each in sent] == ["SELECT"]
    assert dial(shop) == menu
    assert isinstance(menu, Gather)


def test_the_recipient_reaches_the_courier_of_the_order_without_the_menu(shop: Shop) -> None:
    first, second = shop.bind("A"), shop.bind("B")
    for view, courier in ((first, COURIER), (second, OTHER)):
        shop.reach(courier, view.masked_number.extension)
        shop.clock.move(seconds=1)
    for view, courier in ((first, COURIER), (second, OTHER), (first, COURIER)):
        pressed = press(shop, link(shop, view))
        assert (pressed.given.dial_uri, pressed.given.expires_at) == (
            f"tel:{X}", shop.clock.now() + timedelta(seconds=180),
        )  # fmt: skip
        for _ in range(2):
            assert number(dial(shop)) == courier
    shop.clock.move(seconds=180)
    assert isinstance(dial(shop), Gather)


def test_the_call_is_recorded_as_a_call_back(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(seconds=1)
    press(shop, link(shop, view))
    dial(shop)
    made = call_records.list_calls(shop.tenant, limit=1, before=None, ports=shop.ports).rows[0]
    assert (made.direction, made.binding, made.party) == (Direction.TO_COURIER, view.id.key, "courier")
    assert [(step.step, step.found) for step in made.trace] == [
        ("line", "found"), ("pass", "found"), ("contact", "courier"),
    ]  # fmt: skip


def test_nobody_else_gains_by_it(shop: Shop) -> None:
    """Whoever holds the link may press its button: it is the recipient's phone that gets the pass."""
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    press(shop, link(shop, view))
    assert isinstance(dial(shop, OTHER), Gather)
    assert isinstance(dial(shop, None), Gather)
    assert isinstance(dial(shop, COURIER), Gather)


def test_before_any_courier_the_care_line_answers_or_the_neutral_sentence(shop: Shop) -> None:
    press(shop, link(shop, shop.bind()))
    assert isinstance(dial(shop), Hangup)
    made = tenants.create_tenant("有客服", policy=TenantPolicy(), care_line="02-2345-6789", pools=(), ports=shop.ports)
    view = shop.bind("C", phone=SECOND_RECIPIENT, tenant=made.tenant)
    press(shop, make_call_link(made.tenant, view.id, ports=shop.ports).token)
    assert number(dial(shop, SECOND_RECIPIENT)) == "+886223456789"


@pytest.mark.parametrize("how", ENDS)
def test_a_pass_to_a_binding_that_ended_or_froze_meanwhile_is_none(shop: Shop, how: str) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    press(shop, link(shop, view))
    end(shop, view, how)
    assert dial(shop) == dial(shop, OTHER)
    assert isinstance(dial(shop), Gather)


def test_a_pass_never_outlives_its_binding(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    assert press(shop, link(shop, view)).given.expires_at == view.expires_at


def test_a_blocked_recipient_still_calls_back_and_the_guard_is_not_asked(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    for _ in range(10):
        shop.leg(RECIPIENT, X, "12345")
    press(shop, link(shop, view))
    with count_statements(shop.database) as sent:
        assert number(dial(shop)) == COURIER
    assert not [each for each in sent if "guard_callers" in each.lower() and not each.upper().startswith("SELECT")]


def test_a_withdrawn_courier_is_not_reached(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    for _ in range(10):
        shop.leg(COURIER, X, "12345")
    press(shop, link(shop, view))
    assert number(dial(shop)) is None


def test_after_a_change_of_phone_the_new_one_gets_the_pass_and_the_old_one_has_none(shop: Shop) -> None:
    """The recipient's pass leads to the courier; it must not become one of a courier to the new recipient."""
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    token = link(shop, view)
    press(shop, token)
    change = binding_steps.ChangeBinding(shop.tenant, view.id, phone=read_phone(SECOND_RECIPIENT))
    binding_steps.change_binding(change, shop.ports)
    assert isinstance(dial(shop, RECIPIENT), Gather)
    press(shop, token)
    assert number(dial(shop, SECOND_RECIPIENT)) == COURIER
    assert isinstance(dial(shop, RECIPIENT), Gather)


def test_a_change_that_leaves_the_phone_leaves_the_pass(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    press(shop, link(shop, view))
    change = binding_steps.ChangeBinding(shop.tenant, view.id, address="台北市")
    binding_steps.change_binding(change, shop.ports)
    with shop.ports.unit(write=False) as uow:
        assert uow.passes.until(view.id, shop.ports.index.number(X, RECIPIENT)) is not None


# -- costs, traces ----------------------------------------------------------------------------------------------------


def test_a_button_that_is_pressed_again_and_again_costs_one_write_in_ten_seconds(shop: Shop) -> None:
    token = link(shop, shop.bind())
    first = press(shop, token)
    with count_statements(shop.database) as sent:
        for _ in range(9):
            shop.clock.move(seconds=1)
            assert press(shop, token) == first
    assert {each.split()[0].upper() for each in sent} == {"SELECT"}
    shop.clock.move(seconds=1)
    assert press(shop, token).given.expires_at == shop.clock.now() + timedelta(seconds=180)


def test_the_other_order_pressed_in_between_is_the_one_meant(shop: Shop) -> None:
    first, second = shop.bind("A"), shop.bind("B")
    for view, courier in ((first, COURIER), (second, OTHER)):
        shop.reach(courier, view.masked_number.extension)
    for view, courier in ((first, COURIER), (second, OTHER), (first, COURIER)):
        press(shop, link(shop, view))
        assert number(dial(shop)) == courier


def test_a_clock_that_goes_back_shortens_the_pass(shop: Shop) -> None:
    token = link(shop, shop.bind())
    press(shop, token)
    shop.clock.move(seconds=-5)
    assert press(shop, token).given.expires_at == shop.clock.now() + timedelta(seconds=180)


def test_a_dry_run_knows_the_tenants_pass_and_nobody_elses(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    press(shop, link(shop, view))
    call = InboundCall("dry-run", read_caller(RECIPIENT), read_dialled(X))
    mine = call_records.dry_run(shop.tenant, call, ports=shop.ports)
    assert ("pass", "found") in [(step.step, step.found) for step in mine.trace]
    theirs = call_records.dry_run(shop.another("別家"), call, ports=shop.ports)
    assert [step.step for step in theirs.trace] == ["line", "recipient"]


def test_a_pass_holds_no_number(shop: Shop) -> None:
    press(shop, link(shop, shop.bind()))
    with shop.database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM passes")).all()
    assert "912345678" not in str(row)
