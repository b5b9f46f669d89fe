"""A pool at 95 % of its ceiling: an allocation takes the statements that it takes at 10 %."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from maskservice.domain.allocation import PoolPolicy
from maskservice.services import pools
from maskservice.services.bindings import create_binding
from maskservice.storage.hot_models import SLOTS
from maskservice.storage.models import NUMBERS
from tests.counting import count_statements
from tests.services.conftest import Shop

_NUMBER = "+886900000001"
_CREATES = 25


def _fill(shop: Shop, policy: PoolPolicy, share: float) -> None:
    """The share of the ceiling is held, by extensions that lie as chance laid them."""
    pools.create_pool("tight", policy=policy, tenants=(shop.tenant.name,), ports=shop.ports)
    pools.import_numbers([_NUMBER], pool_name="tight", ports=shop.ports)
    space, held = 10**policy.extension_length, int(policy.ceiling * share)
    rows = [
        # A number that is coprime to the space: its multiples are all different.
        {"extension": policy.extension(place * 48_271 % space), "binding": uuid4()}
        for place in range(held)
    ]
    with shop.database.engine.begin() as connection:
        connection.execute(insert(SLOTS).values(virtual_number=_NUMBER, taken_at=shop.clock.now()), rows)
        connection.execute(update(NUMBERS).where(NUMBERS.c.virtual_number == _NUMBER).values(held=held))


@pytest.mark.parametrize("share", [0.10, 0.95])
@pytest.mark.parametrize(
    ("length", "density", "misses"),
    [
        (4, "0.10", 0),
        (8, "0.00002", 0),
        # Nineteen of twenty extensions are held: sixteen proposals would all be taken every other time, the number that
        # is proposed here once in ten thousand times. A miss sends everything anew, by the long way.
        (4, "1", 1),
    ],
)
def test_statements_of_a_create_when_the_pool_is_nearly_full(
    shop: Shop, length: int, density: str, misses: int, share: float
) -> None:
    # The offer, and in one or each by itself: order, count, slot, binding.
    plain = 5 if shop.database.is_sqlite else 2
    _fill(shop, PoolPolicy(extension_length=length, density=Decimal(density)), share)
    orders = [shop.order(f"TW-{place}", pool="tight") for place in range(_CREATES)]
    with count_statements(shop.database) as sent:
        got = {create_binding(each, shop.ports).view.masked_number.extension for each in orders}
    assert len(got) == _CREATES
    assert plain * _CREATES <= len(sent) <= plain * _CREATES + misses * 8
