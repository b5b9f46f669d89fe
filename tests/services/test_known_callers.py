"""Couriers on the roster, PINs, assignments and lists, as a call meets them; nobody else hears a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maskservice.domain.call import Bridge, Gather, Hangup
from maskservice.domain.call_policy import Access, Codes, PoolCalls
from maskservice.domain.caller_rule import RuleDirection, Verdict
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.ids import BindingId
from maskservice.domain.phone import read_phone
from maskservice.domain.prompts import PromptId
from maskservice.services.assigning import assign_couriers
from maskservice.services.call_records import list_calls
from maskservice.services.caller_rules import SetRule, set_rule
from maskservice.services.pools import set_guard
from maskservice.services.reopening import ReopenBinding, reopen_binding
from maskservice.services.roster import add_courier, remove_courier
from maskservice.services.roster_judging import CourierDraft
from maskservice.services.tenants import change_tenant
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

ANNA, STRANGER, HANDSET, RECIPIENT = "+886911000111", "+886987654321", "+886955123123", "+886912345678"
OTHER_PHONE = "+886966777888"
PIN = "482913"


def set_access(shop: Shop, access: Access) -> None:
    policy = shop.tenant.policy
    change_tenant("示範商店", policy=replace(policy, calls=replace(policy.calls, access=access)), ports=shop.ports)


def set_codes(shop: Shop, codes: Codes) -> None:
    with shop.ports.unit() as uow:
        pool = uow.pools.named("default")
        assert pool is not None
        uow.pools.replace_calls(pool.id, PoolCalls(codes=codes))
        uow.commit()


def courier(shop: Shop, *phones: str, pin: str | None = PIN) -> str:
    draft = CourierDraft("陳大文", "黑貓", tuple(read_phone(phone) for phone in phones), pin)
    return add_courier(shop.tenant, draft, shop.ports).view.id


def rule(shop: Shop, phone: str, verdict: Verdict, *, binding: BindingId | None = None, **more: RuleDirection) -> None:
    set_rule(shop.tenant, SetRule(read_phone(phone), verdict, binding_id=binding, **more), shop.ports)


def why(shop: Shop) -> tuple[str, str]:
    """The last step of the newest record that has an own step."""
    record = max(list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows, key=lambda row: row.id.key)
    return record.trace[-1].step, record.trace[-1].found


def wrong(extension: str) -> str:
    return f"{(int(extension) + 1) % 10**7:0{len(extension)}}"


@pytest.mark.parametrize("access", [Access.ENROLLED, Access.ASSIGNED])
def test_a_stranger_hears_what_a_wrong_extension_sounds_like(shop: Shop, access: Access) -> None:
    set_access(shop, access)
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    right = [shop.leg(STRANGER, X, extension, call="right").answer for _ in range(4)]
    missed = [shop.leg(HANDSET, X, wrong(extension), call="wrong").answer for _ in range(4)]
    assert right == missed
    assert isinstance(right[0], Gather)
    assert isinstance(right[2], Hangup)
    assert why(shop) == ("access", f"not_{access}") or why(shop)[0] == "call"


def test_an_enrolled_phone_is_connected_and_one_taken_off_the_roster_is_not(shop: Shop) -> None:
    set_access(shop, Access.ENROLLED)
    extension = shop.bind().masked_number.extension
    known = courier(shop, ANNA, HANDSET)
    assert number(shop.leg(ANNA, X, extension).answer) == RECIPIENT
    assert why(shop) == ("caller", "enrolled")
    assert number(shop.leg(HANDSET, X, extension).answer) == RECIPIENT
    remove_courier(shop.tenant, known, ports=shop.ports)
    assert number(shop.leg(ANNA, X, extension).answer) is None


def test_another_tenant_s_courier_is_a_stranger(shop: Shop) -> None:
    set_access(shop, Access.ENROLLED)
    extension = shop.bind().masked_number.extension
    other = shop.another("乙店")
    add_courier(other, CourierDraft("王小明", "黑貓", (read_phone(ANNA),), PIN), shop.ports)
    assert number(shop.leg(ANNA, X, extension).answer) is None
    assert number(shop.leg(ANNA, X, f"{extension}*{PIN}").answer) is None


def test_a_right_pin_lets_an_unknown_phone_in_and_a_wrong_one_is_a_wrong_try(shop: Shop) -> None:
    set_access(shop, Access.ENROLLED)
    set_guard("default", GuardPolicy(caller_tries=2), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    courier(shop)
    assert number(shop.leg(HANDSET, X, f"{extension}*{PIN}#").answer) == RECIPIENT
    assert number(shop.leg(HANDSET, f"{X}#{extension}*{PIN}").answer) == RECIPIENT
    assert number(shop.leg(None, X, f"{extension}*{PIN}").answer) == RECIPIENT, "a withheld number with a PIN"
    blocked = [shop.leg(STRANGER, X, f"{extension}*000{place}") for place in (1, 2)][-1]
    assert [str(alarm) for alarm in blocked.alarms] == ["caller_blocked"]
    assert number(shop.leg(STRANGER, X, f"{extension}*{PIN}").answer) is None, "the caller is blocked, PIN or not"
    assert number(shop.leg(HANDSET, X, f"{extension}*{PIN}").answer) == RECIPIENT, "the binding is not"


def test_an_enrolled_caller_who_keys_a_wrong_pin_made_a_wrong_try(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    assert isinstance(shop.leg(ANNA, X, f"{extension}*1111").answer, Gather)
    assert why(shop) == ("code", "wrong")


def test_assigned_means_the_couriers_given_to_this_binding(shop: Shop) -> None:
    set_access(shop, Access.ASSIGNED)
    view, other = shop.bind(), shop.bind("TW-20231109-002", phone="0922-333-444")
    given, not_given = courier(shop, ANNA), courier(shop, HANDSET, pin="719354")
    assign_couriers(shop.tenant, view.id, [given], ports=shop.ports)
    assert number(shop.leg(ANNA, X, view.masked_number.extension).answer) == RECIPIENT
    assert number(shop.leg(OTHER_PHONE, X, f"{view.masked_number.extension}*{PIN}").answer) == RECIPIENT
    assert number(shop.leg(HANDSET, X, view.masked_number.extension).answer) is None
    assert number(shop.leg(ANNA, X, other.masked_number.extension).answer) is None
    # Two couriers on one shared phone: it is the PIN that tells them apart.
    assert number(shop.leg(HANDSET, X, f"{view.masked_number.extension}*{PIN}").answer) == RECIPIENT
    assign_couriers(shop.tenant, view.id, [not_given], ports=shop.ports)
    assert number(shop.leg(ANNA, X, view.masked_number.extension).answer) is None


def test_the_pin_is_asked_for_whatever_the_extension_was(shop: Shop) -> None:
    set_access(shop, Access.ENROLLED)
    set_codes(shop, Codes.ASKED)
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    asked = [shop.leg(HANDSET, X, digits, call=digits).answer for digits in (extension, wrong(extension), "1")]
    assert asked[0] == asked[1] == asked[2]
    assert isinstance(asked[0], Gather)
    assert asked[0].prompt.id is PromptId.ENTER_CODE
    assert (
        shop.leg(HANDSET, X, "1111", call=extension).answer == shop.leg(HANDSET, X, PIN, call=wrong(extension)).answer
    )
    assert number(shop.leg(ANNA, X, extension).answer) == RECIPIENT, "the known phone is not asked"
    shop.leg(OTHER_PHONE, X, extension, call="relief")
    assert number(shop.leg(OTHER_PHONE, X, f"{PIN}#", call="relief").answer) == RECIPIENT


def test_where_anybody_may_call_the_asked_pin_may_be_left_out(shop: Shop) -> None:
    set_codes(shop, Codes.ASKED)
    extension = shop.bind().masked_number.extension
    shop.leg(STRANGER, X, extension, call="c")
    assert number(shop.leg(STRANGER, X, None, call="c").answer) == RECIPIENT


def test_block_and_allow_lists_by_direction_and_the_binding_s_before_the_tenant_s(shop: Shop) -> None:
    view, other = shop.bind(), shop.bind("TW-20231109-002", phone="0922-333-444")
    extension, elsewhere = view.masked_number.extension, other.masked_number.extension
    rule(shop, STRANGER, Verdict.BLOCK, direction=RuleDirection.TO_RECIPIENT)
    assert number(shop.leg(STRANGER, X, extension).answer) is None
    assert why(shop) == ("list", "blocked")
    rule(shop, STRANGER, Verdict.ALLOW, binding=view.id)
    assert number(shop.leg(STRANGER, X, extension).answer) == RECIPIENT
    assert number(shop.leg(STRANGER, X, elsewhere).answer) is None
    set_access(shop, Access.ASSIGNED)
    assert number(shop.leg(STRANGER, X, extension).answer) == RECIPIENT, "who is allowed needs no assignment"
    # The recipient may still ring back, until he is on the list himself.
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER
    rule(shop, RECIPIENT, Verdict.BLOCK, direction=RuleDirection.TO_COURIER)
    assert isinstance(shop.leg(RECIPIENT, X).answer, Hangup)


def test_the_allowed_are_not_held_up_by_the_guard(shop: Shop) -> None:
    set_guard("default", GuardPolicy(caller_tries=1), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    shop.leg(STRANGER, X, wrong(extension))
    assert number(shop.leg(STRANGER, X, extension).answer) is None
    rule(shop, STRANGER, Verdict.ALLOW)
    assert number(shop.leg(STRANGER, X, extension).answer) == RECIPIENT


def test_a_known_courier_s_contact_outranks_a_stranger_s(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    known = courier(shop, ANNA)
    shop.leg(ANNA, X, extension)
    assert number(shop.leg(STRANGER, X, extension).answer) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X).answer) == ANNA
    assert number(shop.leg(HANDSET, X, f"{extension}*{PIN}").answer) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X).answer) == HANDSET, "another of the tenant's couriers takes over"
    remove_courier(shop.tenant, known, ports=shop.ports)
    shop.clock.move(days=4)
    assert number(shop.leg(STRANGER, X, extension).answer) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER, "an ended contact keeps nobody out"


def test_a_withdrawn_contact_of_a_known_courier_does_not_keep_others_out(shop: Shop) -> None:
    set_guard("default", GuardPolicy(caller_tries=1), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    shop.leg(ANNA, X, extension)
    shop.clock.move(seconds=1)
    shop.leg(ANNA, X, wrong(extension))
    assert isinstance(shop.leg(RECIPIENT, X).answer, Hangup), "blocked: his contact is withdrawn"
    shop.leg(STRANGER, X, extension)
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER


def test_known_couriers_have_no_limit_of_reach(shop: Shop) -> None:
    set_guard("default", GuardPolicy(reach_per_day=2), ports=shop.ports)
    courier(shop, ANNA)
    views = [shop.bind(f"A-{place:04}", phone=f"0912-000-{place:03}") for place in range(4)]
    for caller, reached in ((ANNA, 4), (STRANGER, 2)):
        answers = [shop.leg(caller, X, view.masked_number.extension).answer for view in views]
        assert sum(isinstance(answer, Bridge) for answer in answers) == reached


def test_a_scanned_number_lets_known_couriers_through(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    with shop.ports.unit() as uow:
        now = shop.clock.now()
        uow.guard.restrict(X, until=now.replace(year=now.year + 1), at=now)
        uow.commit()
    assert number(shop.leg(STRANGER, X, extension).answer) is None
    assert number(shop.leg(ANNA, X, extension).answer) == RECIPIENT
    assert number(shop.leg(HANDSET, X, f"{extension}*{PIN}").answer) == RECIPIENT


def test_all_guards_on_ask_four_statements(shop: Shop) -> None:
    """Receipts, facts, the caller's guard, the day's calls; what is written afterwards is the call itself."""
    policy = shop.tenant.policy
    calls = replace(policy.calls, access=Access.ASSIGNED, calls_per_day=3)
    change_tenant("示範商店", policy=replace(policy, calls=calls), ports=shop.ports)
    view = shop.bind()
    assign_couriers(shop.tenant, view.id, [courier(shop, ANNA)], ports=shop.ports)
    rule(shop, ANNA, Verdict.ALLOW)
    with count_statements(shop.database) as sent:
        assert number(shop.leg(ANNA, X, f"{view.masked_number.extension}*{PIN}").answer) == RECIPIENT
    kept = ("INSERT INTO webhook_receipts", "INSERT INTO calls", "INSERT INTO contacts")
    asked = [statement for statement in sent if not statement.lstrip().startswith(kept)]
    assert len(asked) == 4, asked
    assert sum(statement.lstrip().startswith("SELECT") for statement in sent) == 2
    assert len(sent) == 7


def test_a_reopened_order_keeps_its_lists_and_not_its_couriers(shop: Shop) -> None:
    set_access(shop, Access.ASSIGNED)
    old = shop.bind()
    assign_couriers(shop.tenant, old.id, [courier(shop, ANNA)], ports=shop.ports)
    rule(shop, STRANGER, Verdict.ALLOW, binding=old.id)
    new = reopen_binding(ReopenBinding(shop.tenant, old.id), shop.ports).view
    assert number(shop.leg(STRANGER, X, new.masked_number.extension).answer) == RECIPIENT
    assert number(shop.leg(ANNA, X, new.masked_number.extension).answer) is None


def test_a_reopened_order_forgets_nobody_whom_it_blocked(shop: Shop) -> None:
    old = shop.bind()
    rule(shop, STRANGER, Verdict.BLOCK, binding=old.id)
    for place in range(100):
        shop.clock.move(milliseconds=1)
        rule(shop, f"+8869770001{place:02}", Verdict.BLOCK, binding=old.id)
    new = reopen_binding(ReopenBinding(shop.tenant, old.id), shop.ports).view
    assert number(shop.leg(STRANGER, X, new.masked_number.extension).answer) is None


@pytest.mark.parametrize("access", [Access.ENROLLED, Access.ASSIGNED])
def test_a_courier_who_was_not_given_the_parcel_is_asked_for_a_code_like_after_a_wrong_extension(
    shop: Shop, access: Access
) -> None:
    set_access(shop, access)
    set_codes(shop, Codes.ASKED)
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA)
    if access is Access.ENROLLED:
        rule(shop, ANNA, Verdict.BLOCK)
    right = [shop.leg(ANNA, X, digits, call="right").answer for digits in (extension, None)]
    missed = [shop.leg(ANNA, X, digits, call="wrong").answer for digits in (wrong(extension), None)]
    assert right == missed


@pytest.mark.parametrize("keyed", ["0912345678", "０９１２３４５６７８", "2" * 32, "\u3251" * 32])
def test_what_cannot_be_an_extension_is_not_kept_while_a_code_is_asked_for(shop: Shop, keyed: str) -> None:
    """People key their own phone number; a receipt is no place for it."""
    set_codes(shop, Codes.ASKED)
    shop.bind()
    asked = shop.leg(ANNA, X, keyed, call="c").answer
    assert isinstance(asked, Gather)
    assert asked.prompt.id is PromptId.ENTER_CODE
    with shop.ports.unit(write=False) as uow:
        receipt = uow.receipts.latest(X, "pbx_1", "c")
    assert receipt is not None
    assert receipt.pending == ""
    again = shop.leg(ANNA, X, "1357", call="c").answer
    assert isinstance(again, Gather)
    assert again.prompt.id is PromptId.TRY_AGAIN


@pytest.mark.parametrize("on_the_binding", [False, True])
@pytest.mark.parametrize("direction", [RuleDirection.TO_RECIPIENT, RuleDirection.BOTH])
def test_no_call_back_reaches_a_caller_whom_the_tenant_has_blocked_since(
    shop: Shop, direction: RuleDirection, on_the_binding: bool
) -> None:
    view = shop.bind()
    assert number(shop.leg(STRANGER, X, view.masked_number.extension).answer) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER
    rule(shop, STRANGER, Verdict.BLOCK, binding=view.id if on_the_binding else None, direction=direction)
    assert number(shop.leg(RECIPIENT, X).answer) is None
    assert number(shop.leg(RECIPIENT, X, view.masked_number.extension).answer) is None
    # The binding's word goes before the tenant's; and whoever comes next is rung again.
    if not on_the_binding:
        rule(shop, STRANGER, Verdict.ALLOW, binding=view.id)
        assert number(shop.leg(RECIPIENT, X).answer) == STRANGER
        return
    shop.leg(HANDSET, X, view.masked_number.extension)
    assert number(shop.leg(RECIPIENT, X).answer) == HANDSET


def test_an_enrolled_courier_who_was_blocked_does_not_keep_others_from_being_rung_back(shop: Shop) -> None:
    view = shop.bind()
    courier(shop, ANNA)
    shop.leg(ANNA, X, view.masked_number.extension)
    rule(shop, ANNA, Verdict.BLOCK)
    shop.leg(STRANGER, X, view.masked_number.extension)
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER


def test_blocking_the_other_direction_leaves_the_call_back(shop: Shop) -> None:
    view = shop.bind()
    shop.leg(STRANGER, X, view.masked_number.extension)
    rule(shop, STRANGER, Verdict.BLOCK, direction=RuleDirection.TO_COURIER)
    assert number(shop.leg(RECIPIENT, X).answer) == STRANGER


def test_the_end_of_an_order_number_that_is_some_courier_s_pin_too_does_not_lead_to_the_recipient(shop: Shop) -> None:
    """Whoever keys it from another phone is the recipient, or knows his order number; a courier's own phone tells."""
    set_access(shop, Access.ENROLLED)
    extension = shop.bind().masked_number.extension
    courier(shop, ANNA, pin="9001")
    assert number(shop.leg(ANNA, X, f"{extension}*9001").answer) == RECIPIENT
    assert number(shop.leg(OTHER_PHONE, X, f"{extension}*9001").answer) == ANNA
    assert number(shop.leg(RECIPIENT, X).answer) == ANNA
