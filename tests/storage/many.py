"""Many rows at once on PostgreSQL, made by the server itself: for plans and for figures at sizes that matter.

Answers for: live bindings with slots, places in the order index and contacts, spread over numbers, and call records of
the last months. Sealed values have the sizes of real ones and say nothing. Must not know: what is asked of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from maskservice.domain.ids import read_plain_id
from tests.factories import NOW, NUMBER

NUMBERS = 1000
_NUMBER = f"'+' || ({int(NUMBER)} + i % {NUMBERS})"
# A version 7 UUID: a later i is a later key.
_KEY = "(lpad(to_hex({begin} + i), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid"
_CALL = _KEY.format(begin="cast(:begin AS bigint) - 2 * i")
_BINDING = _KEY.format(begin="cast(:begin AS bigint)")
# Tenants that are in no table, and among their rows those of the one that is.
_OTHER = "('00000000-0000-7000-8000-' || lpad(to_hex(i % 97), 12, '0'))::uuid"
_TENANT = f"CASE WHEN i % 10 = 0 THEN cast(:tenant AS uuid) ELSE {_OTHER} END"


# Made once a statement: a value of its own for every row costs more than the row.
_WRAPPED, _PHONE, _ADDRESS = (f"decode(repeat('5e', {size}), 'hex')" for size in (64, 48, 80))


_NUMBERS = f"""
INSERT INTO virtual_numbers (virtual_number, pool_id, held, spread, mark, created_at)
SELECT {_NUMBER}, cast(:pool AS uuid), 0, i * 1000, decode(md5('own' || i), 'hex'), :now
FROM generate_series(0, {NUMBERS - 1}) AS i ON CONFLICT DO NOTHING
"""
_BINDINGS = f"""
INSERT INTO bindings (virtual_number, key, tenant_id, order_id, waybill, extension, status, created_at,
  expires_at, masked_name, wrapped_key, sealed_phone, sealed_name, sealed_address, phone_mark, shared_line)
SELECT {_NUMBER}, {_BINDING}, {_TENANT}, 'order-' || i,
  CASE WHEN i % 4 = 0 THEN 'W' || i END, lpad((i / {NUMBERS})::text, 6, '0'), 'active', :now,
  :expires + i * cast(:apart AS interval), '陳O美', {_WRAPPED}, {_PHONE}, {_PHONE}, {_ADDRESS},
  decode(md5((i / 3)::text), 'hex'), false
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS i
"""
_SLOTS = f"""
INSERT INTO slots (virtual_number, extension, binding, taken_at)
SELECT {_NUMBER}, lpad((i / {NUMBERS})::text, 6, '0'), {_BINDING}, :now
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS i
"""
_ORDERS = f"""
INSERT INTO order_index (tenant_id, order_id, binding, virtual_number, waybill, former)
SELECT {_TENANT}, 'order-' || i, {_BINDING}, {_NUMBER},
  CASE WHEN i % 4 = 0 THEN 'W' || i END, ''
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS i
"""
_CONTACTS = f"""
INSERT INTO contacts (virtual_number, binding, mark, phone, call, reached_at, expires_at, caller)
SELECT {_NUMBER}, {_BINDING}, decode(md5('courier' || i % 5000), 'hex'), {_PHONE}, {_BINDING}, :now,
  :expires + i * cast(:apart AS interval) + interval '3 days', decode(md5('caller' || i % 5000), 'hex')
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS i WHERE i % :every = 0
"""
_HELD = """
UPDATE virtual_numbers AS n SET held = s.held
FROM (SELECT virtual_number, count(*) AS held FROM slots GROUP BY 1) AS s WHERE s.virtual_number = n.virtual_number
"""
_CALLS = f"""
INSERT INTO calls (virtual_number, started_at, key, pbx_id, pbx_call_id, pool_id, tenant_id, binding, outcome,
  tries_used, trace, caller, attempt_group)
SELECT {_NUMBER}, :now - i * cast(:apart AS interval), {_CALL}, 'pbx_1', 'c-' || i, cast(:pool AS uuid),
  CASE WHEN i % 5 > 0 THEN {_OTHER} END, CASE WHEN i % 5 > 0 THEN {_BINDING} END, 'completed', 0, '[]',
  decode(md5('caller' || i % 5000), 'hex'), {_BINDING}
FROM generate_series(1, :count) AS i
"""


def _key(text: str) -> str:
    return str(read_plain_id(text.partition("_")[0], text))


def fill(
    connection: Connection,
    count: int,
    *,
    pool: str,
    tenant: str,
    expires: datetime,
    apart: str = "1 second",
    now: datetime = NOW,
    first: int = 0,
    contact_every: int = 1,
) -> None:
    """``count`` live bindings that expire from ``expires`` on, ``apart`` from each other; one in ``contact_every`` has
    a contact."""
    begin = int(now.timestamp() * 1000)
    given: dict[str, Any] = {"pool": _key(pool), "tenant": _key(tenant), "now": now, "begin": begin, "expires": expires}
    given |= {"apart": apart, "first": first, "last": first + count - 1, "every": contact_every}
    for statement in (_NUMBERS, _BINDINGS, _SLOTS, _ORDERS, _CONTACTS, _HELD):
        connection.execute(text(statement), given)


def fill_calls(connection: Connection, count: int, *, pool: str, apart: str, now: datetime = NOW) -> None:
    """``count`` calls, the first of them ``apart`` before now and so on; their months' partitions must be there."""
    begin = int(now.timestamp() * 1000)
    connection.execute(text(_CALLS), {"pool": _key(pool), "now": now, "begin": begin, "apart": apart, "count": count})
