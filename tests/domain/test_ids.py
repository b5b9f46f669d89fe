"""Ids are sortable, canonical, and lead to their number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from maskservice.domain.errors import NotFound
from maskservice.domain.ids import AttemptGroupId, BindingId, CallId, first_key_of, new_plain_id, time_of, uuid7

NOW = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("number", ["+886900000000", "+8862345678", "+1", "+999999999999999"])
@pytest.mark.parametrize("kind", [BindingId, CallId, AttemptGroupId])
def test_an_id_leads_to_its_number(kind: type[BindingId | CallId | AttemptGroupId], number: str) -> None:
    made = kind.new(number, now=NOW, randomness=b"0123456789")
    assert kind.parse(str(made)) == made
    assert str(made).startswith(kind.prefix + "_")


def test_ids_sort_by_time() -> None:
    made = [
        str(BindingId.new("+886900000000", now=NOW + timedelta(milliseconds=n), randomness=b"\xff" * 10))
        for n in range(50)
    ]
    assert made == sorted(made)


def test_a_call_tells_its_start_to_the_millisecond() -> None:
    assert CallId.new("+886900000000", now=NOW, randomness=b"0" * 10).started_at == NOW.replace(microsecond=123000)
    assert time_of(uuid7(NOW, b"0" * 10)) == NOW.replace(microsecond=123000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bnd_",
        "bnd",
        "call_0",
        "bnd_ü",
        "bnd_" + "0" * 36,
        "bnd_" + "0" * 38,
        "bnd_" + "w" * 37,
        "bnd_" + "A" * 37,
        "bnd_" + "v" * 37,
        "bnd_ " + "0" * 36,
    ],
)
def test_garbage_names_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        BindingId.parse(text)


def test_another_kind_of_id_names_nothing() -> None:
    with pytest.raises(NotFound):
        CallId.parse(str(BindingId.new("+886900000000", now=NOW, randomness=b"0" * 10)))


def test_plain_ids_are_prefixed() -> None:
    assert new_plain_id("ten", NOW, b"0" * 10).startswith("ten_")


def test_a_naive_time_or_too_little_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        uuid7(NOW.replace(tzinfo=None), b"0" * 10)
    with pytest.raises(ValueError, match="ten"):
        uuid7(NOW, b"0" * 9)


def test_the_keys_of_a_span_of_time_are_between_its_first_keys() -> None:
    moment = datetime(2026, 11, 24, 8, 0, 0, 5000, tzinfo=UTC)
    first, next_one = first_key_of(moment), first_key_of(moment + timedelta(milliseconds=1))
    for randomness in (bytes(10), b"\xff" * 10):
        assert first <= uuid7(moment, randomness) < next_one
    assert uuid7(moment - timedelta(milliseconds=1), b"\xff" * 10) < first
    # A moment within a millisecond is after that millisecond's keys: calls are told apart no finer.
    assert first_key_of(moment + timedelta(microseconds=1)) == next_one
    assert first_key_of(datetime(1, 1, 1, tzinfo=UTC)) == UUID(int=0)
    assert first_key_of(datetime.max.replace(tzinfo=UTC)) > uuid7(datetime(9999, 1, 1, tzinfo=UTC), bytes(10))
    with pytest.raises(ValueError, match="naive"):
        first_key_of(datetime(2026, 11, 24))  # noqa: DTZ001 -- that is what is refused
