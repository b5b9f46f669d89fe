"""Receipts of webhooks, PBXs with their secrets, and the register of keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maskservice.domain.errors import NameTaken
from maskservice.services.pbx_records import SpokenPbx
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, CallIdFactory, PbxFactory, PbxSecretFactory, ReceiptFactory, key


def test_the_legs_of_a_call_come_in_order_and_a_foreign_webhook_id_last(uow: SqlUnitOfWork, database: Database) -> None:
    call = CallIdFactory()
    second = ReceiptFactory(
        pbx_call_id="c", leg=2, call=call, menu=(key(3), key(1)), prompt="menu", prompt_text="按一…", tries_used=1
    )
    first = ReceiptFactory(pbx_call_id="c", leg=1, call=call)
    third = ReceiptFactory(
        pbx_call_id="c", leg=3, call=call, action="connect", prompt=None, max_digits=None, attempts_left=None,
        party="courier", binding=key(3),
    )  # fmt: skip
    foreign = ReceiptFactory(pbx_call_id="other", leg=1, webhook_id="w")
    for receipt in (second, third, first, foreign, ReceiptFactory(pbx_call_id="none of it")):
        assert uow.receipts.add(receipt)
    with count_statements(database) as sent:
        assert uow.receipts.thread(NUMBER, "pbx_1", "c", "w") == [first, second, third, foreign]
    assert len(sent) == 1
    assert uow.receipts.thread(NUMBER, "pbx_1", "c", first.webhook_id) == [first, second, third]
    assert uow.receipts.thread(NUMBER, "pbx_2", "c", "w") == []
    assert uow.receipts.thread("+886911111111", "pbx_1", "c", "w") == []
    assert uow.receipts.latest(NUMBER, "pbx_1", "c") == third
    assert uow.receipts.latest(NUMBER, "pbx_1", "d") is None


def test_a_webhook_and_a_leg_are_answered_once(uow: SqlUnitOfWork) -> None:
    receipt = ReceiptFactory()
    assert uow.receipts.add(receipt)
    assert not uow.receipts.add(receipt)
    assert not uow.receipts.add(replace(receipt, webhook_id="another"))
    assert not uow.receipts.add(replace(receipt, leg=2))
    assert uow.receipts.add(replace(receipt, leg=2, webhook_id="another"))
    assert uow.receipts.add(replace(receipt, pbx_id="pbx_2"))
    assert uow.receipts.add(replace(receipt, virtual_number="+886911111111"))


def test_receipts_are_forgotten_by_age_in_bounded_steps(uow: SqlUnitOfWork) -> None:
    for place in range(5):
        uow.receipts.add(ReceiptFactory(pbx_call_id=f"c{place}", received_at=NOW + timedelta(seconds=place)))
    moment = NOW + timedelta(seconds=3)
    assert [uow.receipts.forget(older_than=moment, limit=2) for _ in range(3)] == [2, 1, 0]
    assert uow.receipts.latest(NUMBER, "pbx_1", "c2") is None
    assert uow.receipts.latest(NUMBER, "pbx_1", "c3") is not None


def test_a_pbx_and_its_secrets(uow: SqlUnitOfWork, database: Database) -> None:
    pbx, other = PbxFactory(), PbxFactory()
    uow.pbxs.add(pbx)
    uow.pbxs.add(other)
    with pytest.raises(NameTaken):
        uow.pbxs.add(PbxFactory(name=pbx.name))
    assert uow.pbxs.named(pbx.name) == pbx
    assert uow.pbxs.named("none") is None
    assert uow.pbxs.all() == [pbx, other]
    old = PbxSecretFactory(pbx_id=pbx.id)
    new = PbxSecretFactory(pbx_id=pbx.id, created_at=NOW + timedelta(days=1))
    for secret in (old, new, PbxSecretFactory(pbx_id=other.id)):
        uow.pbxs.add_secret(secret)
    with count_statements(database) as sent:
        assert uow.pbxs.secrets(pbx.id) == [new, old]
    assert len(sent) == 1
    with count_statements(database) as sent:
        assert uow.pbxs.spoken_by(pbx.id) == SpokenPbx(pbx.dialect, None, 2, [new, old])
    assert len(sent) == 1
    uow.pbxs.set_recordings(pbx.id, "https://sounds.example.com")
    assert uow.pbxs.spoken_by(pbx.id) == SpokenPbx(pbx.dialect, "https://sounds.example.com", 3, [new, old])
    uow.pbxs.set_recordings(pbx.id, None)
    assert uow.pbxs.revoke_secret(old.id, at=NOW)
    assert uow.pbxs.revoke_secret(old.id, at=NOW + timedelta(days=1))
    assert not uow.pbxs.revoke_secret("sec_none", at=NOW)
    assert uow.pbxs.secrets(pbx.id) == [new]
    assert uow.pbxs.spoken_by(pbx.id) == SpokenPbx(pbx.dialect, None, 5, [new])
    bare = PbxFactory(dialect="twilio")
    uow.pbxs.add(bare)
    assert uow.pbxs.spoken_by(bare.id) == SpokenPbx("twilio", None, 0, [])
    assert uow.pbxs.spoken_by("pbx_none") is None
    assert uow.pbxs.revoke(pbx.id, at=NOW)
    assert uow.pbxs.revoke(pbx.id, at=NOW + timedelta(days=1))
    assert not uow.pbxs.revoke("pbx_none", at=NOW)
    assert uow.pbxs.secrets(pbx.id) == []
    assert uow.pbxs.spoken_by(pbx.id) == SpokenPbx(pbx.dialect, None, 5, [])
    assert uow.pbxs.revision(pbx.id) is None
    assert uow.pbxs.revision(bare.id) == 0
    assert uow.pbxs.named(pbx.name) == replace(pbx, revoked_at=NOW)


def test_a_registered_key_keeps_its_check_value(uow: SqlUnitOfWork) -> None:
    uow.crypto_keys.register({"kek-1": b"a", "idx-1": b"b"}, at=NOW)
    uow.crypto_keys.register({"kek-1": b"changed", "kek-2": b"c"}, at=NOW)
    assert uow.crypto_keys.registered() == {"kek-1": b"a", "idx-1": b"b", "kek-2": b"c"}
