"""Tenants, keys, pools and PBXs as the operator makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import InvalidContent, NameTaken, NotFound, Unauthenticated
from maskservice.services import pbxs, pools, tenants
from maskservice.services.lookup import care_line_of
from maskservice.services.records import ALL_SCOPES, Scope, TenantPolicy
from maskservice.telephony import DIALECTS
from tests.counting import count_statements
from tests.services.conftest import Shop


def make(shop: Shop, name: str = "甲店", **more: object) -> tenants.NewTenant:
    given = {"policy": TenantPolicy(), "care_line": None, "pools": (), **more}
    return tenants.create_tenant(name, **given, ports=shop.ports)  # type: ignore[arg-type]


def test_a_key_opens_its_tenant_and_is_not_stored(shop: Shop) -> None:
    made = make(shop)
    caller = tenants.authenticate(made.api_key, ports=shop.ports)
    assert (caller.tenant, caller.scopes) == (made.tenant, ALL_SCOPES)
    assert made.api_key.startswith("msk_")
    assert len(made.api_key) == 47
    assert made.api_key not in repr(made)


@pytest.mark.parametrize("text", [None, "", "msk_", "msk_x", "x" * 500, "msk_\ud800", "Bearer"])
def test_anything_else_opens_nothing(shop: Shop, text: str | None) -> None:
    with pytest.raises(Unauthenticated):
        tenants.authenticate(text, ports=shop.ports)


def test_several_keys_with_scopes_and_a_revocation(shop: Shop) -> None:
    made = make(shop)
    shop.clock.move(seconds=1)
    key, text = tenants.issue_key("甲店", scopes=[Scope.LABELS_READ], label="倉庫", ports=shop.ports)
    assert tenants.authenticate(text, ports=shop.ports).scopes == {Scope.LABELS_READ}
    assert [each.label for each in tenants.list_keys("甲店", ports=shop.ports)] == ["first key", "倉庫"]
    tenants.revoke_key(key.id, ports=shop.ports)
    with pytest.raises(Unauthenticated):
        tenants.authenticate(text, ports=shop.ports)
    tenants.authenticate(made.api_key, ports=shop.ports)
    with pytest.raises(NotFound):
        tenants.revoke_key("key_none", ports=shop.ports)


@pytest.mark.parametrize("name", ["", " ", "a" * 61, "a\nb", "a\u202eb"])
def test_a_name_has_its_limits(shop: Shop, name: str) -> None:
    with pytest.raises(InvalidContent):
        make(shop, name)
    with pytest.raises(InvalidContent):
        pools.create_pool(name, policy=PoolPolicy(), tenants=(), ports=shop.ports)
    with pytest.raises(InvalidContent):
        pbxs.create_pbx(name, ports=shop.ports)


def test_a_name_is_taken_once(shop: Shop) -> None:
    make(shop)
    pbxs.create_pbx("總機", ports=shop.ports)
    with pytest.raises(NameTaken):
        make(shop)
    with pytest.raises(NameTaken):
        pools.create_pool("default", policy=PoolPolicy(), tenants=(), ports=shop.ports)
    with pytest.raises(NameTaken):
        pbxs.create_pbx("總機", ports=shop.ports)


def test_a_failed_creation_leaves_nothing(shop: Shop) -> None:
    with pytest.raises(NotFound):
        make(shop, pools=("nowhere",))
    assert [each.name for each in tenants.list_tenants(shop.ports)] == ["示範商店"]


def test_a_care_line_is_judged_and_sealed(shop: Shop) -> None:
    made = make(shop, care_line="02-8765-4321#9")
    phone = care_line_of(made.tenant, shop.ports.cipher)
    assert (phone.reveal(), phone.extension) == ("+886287654321", "9")
    for refused in ("110", "0900-000000", "nothing"):
        with pytest.raises(InvalidContent):
            tenants.change_tenant("甲店", care_line=refused, ports=shop.ports)
    assert b"87654321" not in (made.tenant.care_line or b"")
    assert tenants.change_tenant("甲店", drop_care_line=True, ports=shop.ports).care_line is None
    with pytest.raises(NotFound):
        care_line_of(replace(made.tenant, care_line=None), shop.ports.cipher)


def test_a_policy_is_kept(shop: Shop) -> None:
    policy = TenantPolicy(grace=timedelta(hours=5), countries=frozenset({"HK", "JP"}), mask="○", latin_mask="x")
    made = make(shop, policy=policy)
    with shop.ports.unit(write=False) as uow:
        assert tenants.tenant_named("甲店", uow).policy == policy
        assert tenants.tenant_named(made.tenant.id, uow) == made.tenant
    assert shop.bind(tenant=made.tenant, name="John 陳").recipient_name == "Jxxx ○"
    changed = tenants.change_tenant("甲店", policy=TenantPolicy(), ports=shop.ports)
    assert changed.policy == TenantPolicy()
    with pytest.raises(NotFound):
        tenants.change_tenant("乙店", ports=shop.ports)


def test_numbers_are_imported_once_and_refused_lines_are_told_by_their_place(shop: Shop) -> None:
    lines = [
        "\ufeff0900-000001",
        "",
        "# a comment",
        "+886 2 2345 6789",
        "0900000001",
        "0900-000001#5678",
        "110",
        "陳小美",
    ]
    done = pools.import_numbers(lines, pool_name="default", ports=shop.ports)
    assert (done.added, done.known, done.refused) == (("+886900000001", "+886223456789"), ("+886900000001",), (6, 7, 8))
    assert pools.list_numbers("default", ports=shop.ports)[1] == [
        ("+886223456789", 0),
        ("+886900000000", 0),
        ("+886900000001", 0),
    ]
    with pytest.raises(NotFound):
        pools.import_numbers(["0900-000002"], pool_name="nowhere", ports=shop.ports)
    with pytest.raises(NotFound):
        pools.list_numbers("nowhere", ports=shop.ports)


def test_a_pool_policy_is_checked_and_kept(shop: Shop) -> None:
    policy = PoolPolicy(extension_length=6, density=Decimal("0.015"), check_digit=True, quarantine=timedelta(days=7))
    pools.create_pool("六碼", policy=policy, tenants=("示範商店",), ports=shop.ports)
    pool = next(each for each in pools.list_pools(shop.ports) if each.name == "六碼")
    assert (pool.policy, pool.tenant_ids, pool.shared) == (policy, {shop.tenant.id}, False)
    with pytest.raises(InvalidContent):
        pools.create_pool("x", policy=PoolPolicy(extension_length=3), tenants=(), ports=shop.ports)
    with pytest.raises(NotFound):
        pools.create_pool("x", policy=PoolPolicy(), tenants=("nobody",), ports=shop.ports)
    with pytest.raises(NotFound):
        pools.share_pool("nowhere", tenants=(), ports=shop.ports)
    assert pools.ensure_default_pool(shop.ports).name == "default"


def test_a_pool_without_numbers_runs_low(shop: Shop) -> None:
    pools.create_pool("empty", policy=PoolPolicy(), tenants=(), ports=shop.ports)
    assert [each.name for each in pools.running_low(pools.pool_use(shop.ports))] == ["empty"]


def test_a_pbx_is_told_where_its_recordings_lie_in_the_same_statement(shop: Shop) -> None:
    made = pbxs.create_pbx("總機", recordings=" https://sounds.example.com/mask/ ", ports=shop.ports)
    assert made.pbx.recordings == "https://sounds.example.com/mask"
    with count_statements(shop.database) as sent:
        opened = pbxs.open_pbx(made.pbx.id, ports=shop.ports)
    assert len(sent) == 1
    assert opened == pbxs.OpenPbx("native", (made.secret,), "https://sounds.example.com/mask", revision=1)
    assert pbxs.change_pbx("總機", recordings=None, ports=shop.ports).recordings is None
    assert pbxs.pbx_named("總機", ports=shop.ports).recordings is None
    with pytest.raises(InvalidContent):
        pbxs.change_pbx("總機", recordings="https://u:p@sounds.example.com", ports=shop.ports)
    with pytest.raises(NotFound):
        pbxs.change_pbx("另一台", recordings=None, ports=shop.ports)


def test_a_pbx_secret_is_sealed_shown_once_and_two_are_valid_during_a_rotation(shop: Shop) -> None:
    first = pbxs.create_pbx("總機", ports=shop.ports)
    assert first.secret.startswith("whsec_")
    assert first.secret not in repr(first)
    shop.clock.move(seconds=1)
    second = pbxs.rotate_secret("總機", ports=shop.ports)
    assert pbxs.open_pbx(first.pbx.id, ports=shop.ports) == pbxs.OpenPbx(
        "native", (second.secret, first.secret), revision=2
    )
    shop.clock.move(seconds=1)
    third = pbxs.rotate_secret("總機", ports=shop.ports)
    assert pbxs.open_pbx(first.pbx.id, ports=shop.ports) == pbxs.OpenPbx(
        "native", (third.secret, second.secret), revision=4
    )
    pbxs.revoke_secret(second.secret_id, ports=shop.ports)
    with count_statements(shop.database) as sent:
        assert pbxs.open_pbx(first.pbx.id, ports=shop.ports) == pbxs.OpenPbx("native", (third.secret,), revision=5)
    assert len(sent) == 1
    assert [pbx.name for pbx, _ in pbxs.list_pbxs(shop.ports)] == ["總機"]
    pbxs.revoke_pbx("總機", ports=shop.ports)
    assert pbxs.open_pbx(first.pbx.id, ports=shop.ports) == pbxs.OpenPbx("native", (), revision=5)
    assert pbxs.open_pbx("pbx_none", ports=shop.ports) is None
    with pytest.raises(NotFound):
        pbxs.revoke_secret("sec_none", ports=shop.ports)
    for gone in ("nobody", "總機"):
        with pytest.raises(NotFound):
            pbxs.rotate_secret(gone, ports=shop.ports)


TOKEN = "0123456789abcdef0123456789abcdef"


def test_a_provider_s_secret_is_taken_over_sealed_and_never_shown(shop: Shop) -> None:
    twilio = DIALECTS["twilio"]
    made = pbxs.create_pbx("雲端", dialect=twilio, secret=TOKEN, ports=shop.ports)
    assert (made.pbx.dialect, made.secret) == ("twilio", "")
    opened = pbxs.open_pbx(made.pbx.id, ports=shop.ports)
    assert opened == pbxs.OpenPbx("twilio", (TOKEN,), revision=1)
    assert TOKEN not in repr(opened)
    shop.clock.move(seconds=1)
    pbxs.rotate_secret("雲端", dialect=twilio, secret=TOKEN[::-1], ports=shop.ports)
    assert pbxs.open_pbx(made.pbx.id, ports=shop.ports) == pbxs.OpenPbx("twilio", (TOKEN[::-1], TOKEN), revision=2)
    ((_, sealed),) = pbxs.list_pbxs(shop.ports)
    assert not any(TOKEN.encode() in each.secret for each in sealed)
    with pytest.raises(ValueError, match="another"):
        pbxs.rotate_secret("雲端", ports=shop.ports)


@pytest.mark.parametrize("dialect", sorted(name for name, each in DIALECTS.items() if not each.secret_form.ours))
@pytest.mark.parametrize("pasted", [None, "", "short", "with a space in the midst of it", "x" * 300])
def test_a_secret_that_cannot_be_one_is_refused_with_what_to_paste(
    shop: Shop, dialect: str, pasted: str | None
) -> None:
    spoken = DIALECTS[dialect]
    pbxs.create_pbx("other", ports=shop.ports)
    with pytest.raises(InvalidContent) as refused:
        pbxs.create_pbx("雲端", dialect=spoken, secret=pasted, ports=shop.ports)
    (error,) = refused.value.errors
    assert error.pointer == "/secret"
    assert f"{spoken.secret_form.name} of {spoken.secret_form.found_at}" in error.detail
    assert not pasted or pasted not in error.detail
    assert refused.value.__context__ is None
    assert [pbx.name for pbx, _ in pbxs.list_pbxs(shop.ports)] == ["other"]


def test_a_secret_of_ours_is_not_given(shop: Shop) -> None:
    for dialect in (None, DIALECTS["native"]):
        with pytest.raises(InvalidContent) as refused:
            pbxs.create_pbx("總機", dialect=dialect, secret="whsec_" + "A" * 44, ports=shop.ports)
        assert [each.pointer for each in refused.value.errors] == ["/secret"]
