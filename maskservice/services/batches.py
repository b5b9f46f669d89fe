"""Binding many orders at once: the promises of a single create for every row, at a fraction of its cost.

Answers for: the steps of one chunk of rows, and that no row spoils another. Must not know: HTTP, SQL, how rows came.
Everything that can be computed is computed before the unit that writes: locks are held for its statements alone, and in
one order (orders by name, then numbers), so that batches and single creates cannot wait for each other in a ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import FieldError, InvalidContent, MaskServiceError, PoolExhausted, Unavailable
from maskservice.domain.ids import BindingId, uuid7
from maskservice.domain.phone import PhoneReading
from maskservice.services.bindings import CreateBinding, create_binding, order_of, same_recipient
from maskservice.services.content import seal_content
from maskservice.services.judging import UNKNOWN_POOL, offer_of, own_mark, phone_error
from maskservice.services.placing import Order, masked_name_of, new_binding, view_of_new
from maskservice.services.ports import Ports, Randomness, UnitOfWork
from maskservice.services.records import OrderClaim, PoolOffer, SealedContent, StoredBinding, Tenant
from maskservice.services.slots import POOL_IS_FULL, claim_extensions
from maskservice.services.views import Bound

CHUNK = 500
"""Rows of one unit of work: its locks are held for some 50 ms, and a commit costs each row next to nothing."""

# Virtual numbers over which the rows of a chunk are spread, and the most that are asked for where there is little room.
_SPREAD, _MOST_NUMBERS = 8, 48
# A round without progress means that others took the places: after some of these the rows go one by one.
_IDLE_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Faulty:
    """A row that the entrance has refused: ``errors``, then what only the service can judge of ``phone`` and ``pool``
    (None: not to be judged), then ``more``."""

    errors: tuple[FieldError, ...]
    phone: PhoneReading | None = field(default=None, repr=False)
    pool: str | None = None
    more: tuple[FieldError, ...] = ()


Row = CreateBinding | Faulty
Outcome = Bound | MaskServiceError


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order with everything but its extension: the number is chosen, the content sealed under it."""

    place: int
    order: Order
    binding_id: BindingId
    masked_name: str
    content: SealedContent

    @property
    def claim(self) -> OrderClaim:
        return OrderClaim(self.order.order_id, self.binding_id, self.order.waybill)

    def bound(self, extension: str, now: datetime) -> StoredBinding:
        binding = new_binding(self.order, self.binding_id, extension=extension, masked_name=self.masked_name, now=now)
        return StoredBinding(binding, self.content)


def create_bindings(rows: Sequence[Row], tenant: Tenant, ports: Ports) -> Sequence[Outcome]:
    """Binds each row's order as ``create_binding`` does, in order; what that raises stands in the row's place instead.

    At most :data:`CHUNK` rows, all of ``tenant``, none with an Idempotency-Key: a row is idempotent by its order. Rows
    are committed together where that goes, so a row whose commit is not known is DatabaseUnavailable, like its
    neighbours: sent again, each is answered with what became of it. Raises nothing of the domain's tree.
    """
    chunk = _Chunk(rows, tenant, ports)
    try:
        chunk.judge()
        chunk.bind_new()
        chunk.answer_existing()
    except Unavailable as failure:
        chunk.give_up(failure)
    except MaskServiceError:  # the database refused a statement for one of the rows: it must not spoil the others
        chunk.bind_singly()
    return [chunk.outcomes[place] for place in range(len(rows))]


class _Chunk:
    def __init__(self, rows: Sequence[Row], tenant: Tenant, ports: Ports) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._rows = rows
        self._tenant = tenant
        self._ports = ports
        self._now = ports.clock.now()
        self._orders: dict[int, Order] = {}
        self._offers: dict[str, PoolOffer | None] = {}
        self._full: set[int] = set()

    def give_up(self, failure: MaskServiceError) -> None:
        for place in range(len(self._rows)):
            self.outcomes.setdefault(place, failure)

    def bind_singly(self) -> None:
        for place, row in enumerate(self._rows):
            if place not in self.outcomes and isinstance(row, CreateBinding):
                try:
                    self.outcomes[place] = create_binding(row, self._ports)
                except MaskServiceError as refusal:
                    self.outcomes[place] = refusal.with_traceback(None)

    def judge(self) -> None:
        """Every row becomes an order, or is refused with all of its errors."""
        marks = {
            place: own_mark(row.phone.base.reveal(), self._ports)
            for place, row in enumerate(self._rows)
            if row.phone is not None and row.phone.base is not None
        }
        pools = sorted({row.pool for row in self._rows if row.pool is not None})
        with self._ports.unit(write=False) as uow:
            own = uow.numbers.own_among(list(marks.values()))
            self._ask_for_numbers(pools, uow)
        for place, row in enumerate(self._rows):
            offer = None if row.pool is None else self._offers[row.pool]
            is_own = marks.get(place) in own
            if isinstance(row, Faulty):
                self.outcomes[place] = self._refusal(row, offer, is_own=is_own)
                continue
            try:
                self._orders[place] = order_of(row, offer, is_own=is_own, now=self._now)
            except InvalidContent as refusal:
                self.outcomes[place] = refusal.with_traceback(None)

    def _refusal(self, row: Faulty, offer: PoolOffer | None, *, is_own: bool) -> InvalidContent:
        fault = None if row.phone is None else phone_error(row.phone, self._tenant, is_own=is_own)
        judged: tuple[FieldError, ...] = () if fault is None else (fault,)
        if row.pool is not None and offer is None:
            judged += (UNKNOWN_POOL,)
        return InvalidContent(row.errors + judged + row.more)

    def _ask_for_numbers(self, pools: Sequence[str], uow: UnitOfWork) -> None:
        for pool in pools:
            self._offers[pool] = offer_of(self._tenant, pool, None, uow, self._ports, limit=_MOST_NUMBERS)

    def bind_new(self) -> None:
        """Binds every order that has no binding; of several rows of one order the first."""
        firsts: dict[str, int] = {}
        for place, order in self._orders.items():
            firsts.setdefault(order.order_id, place)
        waiting = list(firsts.values())
        idle = 0
        while waiting and idle < _IDLE_ROUNDS:
            drafts = self._draft(waiting)
            if not drafts:
                break
            short = self._write(drafts)
            drafted = {draft.place for draft in drafts}
            idle = idle + 1 if len(short) == len(drafts) else 0
            waiting = [place for place in waiting if place in short or place not in drafted]
            if waiting:
                with self._ports.unit(write=False) as uow:
                    self._ask_for_numbers(sorted({self._orders[place].pool for place in waiting}), uow)
        # Only where no number was offered is the pool known to be full.
        self._full = {place for place in waiting if not self._numbers_of(self._orders[place].pool)}

    def _numbers_of(self, pool: str) -> Sequence[str]:
        offer = self._offers[pool]
        return () if offer is None else offer.numbers

    def _draft(self, places: Sequence[int]) -> list[_Draft]:
        """Those of the orders for which there is room, each on a number and sealed."""
        by_pool: dict[str, list[int]] = {}
        for place in places:
            by_pool.setdefault(self._orders[place].pool, []).append(place)
        drafts = []
        for pool, members in by_pool.items():
            offer = self._offers[pool]
            if offer is not None:
                numbers = _spread(len(members), offer)
                drafts += [self._seal(place, number) for place, number in zip(members, numbers, strict=False)]
        return drafts

    def _seal(self, place: int, virtual_number: str) -> _Draft:
        order, ports = self._orders[place], self._ports
        binding_id = BindingId(virtual_number, uuid7(self._now, ports.randomness.randbytes(10)))
        row = ports.cipher.new_row(self._tenant.id, str(binding_id))
        content = seal_content(order.recipient, row, index=ports.index, virtual_number=virtual_number)
        return _Draft(place, order, binding_id, masked_name_of(order), content)

    def _write(self, drafts: Sequence[_Draft]) -> frozenset[int]:
        """One unit of work and one commit. The places of those that found no room although it was offered; orders that
        have a binding are left without an outcome."""
        now, ports = self._now, self._ports
        policies = {
            draft.binding_id.virtual_number: offer.policy
            for draft in drafts
            if (offer := self._offers[draft.order.pool]) is not None
        }
        with ports.unit() as uow:
            won = uow.orders.claim_many(self._tenant.id, [draft.claim for draft in drafts])
            ours = [draft for draft in drafts if draft.binding_id.key in won]
            extensions = _take_slots(ours, policies, at=now, uow=uow, randomness=ports.randomness)
            placed = [draft for draft in ours if draft.binding_id.key in extensions]
            short = [draft for draft in ours if draft.binding_id.key not in extensions]
            uow.orders.give_up(self._tenant.id, [draft.claim for draft in short])
            bound = [draft.bound(extensions[draft.binding_id.key], now) for draft in placed]
            uow.bindings.add_many(bound)
            uow.commit()
        for draft, stored in zip(placed, bound, strict=True):
            view = view_of_new(draft.order, stored.binding, now=now)
            self.outcomes[draft.place] = Bound(view, created=True)
        return frozenset(draft.place for draft in short)

    def answer_existing(self) -> None:
        """Every row that has no outcome yet, in order: its order has a binding, or the pool is full."""
        left = [place for place in self._orders if place not in self.outcomes]
        if not left:
            return
        with self._ports.unit(write=False) as uow:
            current = uow.bindings.current_of(self._tenant.id, list({self._orders[place].order_id for place in left}))
        for place in left:
            order = self._orders[place]
            try:
                self.outcomes[place] = self._existing(place, order, current)
            except MaskServiceError as refusal:
                self.outcomes[place] = refusal.with_traceback(None)

    def _existing(self, place: int, order: Order, current: Mapping[str, StoredBinding]) -> Bound:
        stored, now = current.get(order.order_id), self._ports.clock.now()
        if stored is not None and stored.binding.holds_order(now):
            view = same_recipient(stored, order.recipient.phone, now=now, ports=self._ports)
            return Bound(view, created=False)
        if stored is None and place in self._full:
            raise PoolExhausted(POOL_IS_FULL)
        # A binding that has ended gives its order up first, with everything that hangs on an end; and who found no room
        # in time asks once more by himself.
        command = self._rows[place]
        if not isinstance(command, CreateBinding):
            raise InvalidContent
        return create_binding(command, self._ports)


def _spread(count: int, offer: PoolOffer) -> Sequence[str]:
    """A number for each of ``count`` rows, or for as many as there is room: over several numbers, evenly."""
    rooms: dict[str, int] = {}
    for number, room in zip(offer.numbers, offer.rooms, strict=True):
        if len(rooms) >= _SPREAD and sum(rooms.values()) >= count:
            break
        rooms[number] = room
    chosen: list[str] = []
    while rooms and len(chosen) < count:
        chosen += rooms
        rooms = {number: room - 1 for number, room in rooms.items() if room > 1}
    return chosen[:count]


def _take_slots(
    drafts: Sequence[_Draft],
    policies: Mapping[str, PoolPolicy],
    *,
    at: datetime,
    uow: UnitOfWork,
    randomness: Randomness,
) -> Mapping[UUID, str]:
    """An extension for each draft's key, without those for which its number has no place left. The numbers' counts are
    raised in the order of the numbers, by everybody who raises several."""
    keys: dict[str, list[UUID]] = {}
    for draft in drafts:
        keys.setdefault(draft.binding_id.virtual_number, []).append(draft.binding_id.key)
    for number in sorted(keys):
        granted = uow.numbers.reserve(number, len(keys[number]), ceiling=policies[number].ceiling)
        keys[number] = keys[number][:granted]
    wanted = {number: each for number, each in keys.items() if each}
    extensions = claim_extensions(wanted, policies, at=at, uow=uow, randomness=randomness)
    for number, each in wanted.items():
        without = sum(key not in extensions for key in each)
        if without:
            uow.numbers.give_back(number, without)  # its row is ours already, so the order does not matter
    return extensions
