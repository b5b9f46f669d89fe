"""One transaction with all repositories at hand.

Answers for: the life of a unit of work, as ``services/ports.py`` promises it. Must not know: tables, statements.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from maskservice.services.call_repositories import Calls, Contacts, Guard, Passes, Receipts
from maskservice.services.hook_records import Hooks
from maskservice.services.leg_records import Legs
from maskservice.services.pbx_records import Pbxs
from maskservice.services.placements import Placements
from maskservice.services.repositories import (
    ApiKeys,
    Bindings,
    CryptoKeys,
    Idempotency,
    Numbers,
    Orders,
    Pools,
    Slots,
    Tenants,
)
from maskservice.services.roster_repositories import Assignments, CallerRules, Couriers
from maskservice.services.worker_repositories import CallMonths, Endings
from maskservice.storage.assignments import SqlAssignments
from maskservice.storage.bindings import SqlBindings
from maskservice.storage.call_months import SqlCallMonths
from maskservice.storage.caller_rules import SqlCallerRules
from maskservice.storage.calls import SqlCalls
from maskservice.storage.contacts import SqlContacts
from maskservice.storage.crypto_keys import SqlCryptoKeys
from maskservice.storage.endings import SqlEndings
from maskservice.storage.guard import SqlGuard
from maskservice.storage.hooks import SqlHooks
from maskservice.storage.idempotency import SqlIdempotency
from maskservice.storage.legs import SqlLegs
from maskservice.storage.numbers import SqlNumbers
from maskservice.storage.orders import SqlOrders
from maskservice.storage.passes import SqlPasses
from maskservice.storage.pbxs import SqlPbxs
from maskservice.storage.placements import SqlPlacements
from maskservice.storage.pools import SqlPools
from maskservice.storage.receipts import SqlReceipts
from maskservice.storage.roster import SqlCouriers
from maskservice.storage.slots import SqlSlots
from maskservice.storage.statements import Statements
from maskservice.storage.tenants import SqlApiKeys, SqlTenants


class SqlUnitOfWork:
    """Use it as a context manager; see the port. The transaction begins with the first statement, so SQLite's writer's
    place is not held while a use case still computes; after a commit or rollback the next statement begins another."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.tenants: Tenants = SqlTenants(statements)
        self.api_keys: ApiKeys = SqlApiKeys(statements)
        self.pools: Pools = SqlPools(statements)
        self.numbers: Numbers = SqlNumbers(statements)
        self.slots: Slots = SqlSlots(statements)
        self.bindings: Bindings = SqlBindings(statements)
        self.orders: Orders = SqlOrders(statements)
        self.placements: Placements = SqlPlacements(statements)
        self.idempotency: Idempotency = SqlIdempotency(statements)
        self.contacts: Contacts = SqlContacts(statements)
        self.passes: Passes = SqlPasses(statements)
        self.calls: Calls = SqlCalls(statements)
        self.legs: Legs = SqlLegs(statements)
        self.receipts: Receipts = SqlReceipts(statements)
        self.guard: Guard = SqlGuard(statements)
        self.couriers: Couriers = SqlCouriers(statements)
        self.assignments: Assignments = SqlAssignments(statements)
        self.caller_rules: CallerRules = SqlCallerRules(statements)
        self.pbxs: Pbxs = SqlPbxs(statements)
        self.hooks: Hooks = SqlHooks(statements)
        self.crypto_keys: CryptoKeys = SqlCryptoKeys(statements)
        self.endings: Endings = SqlEndings(statements)
        self.call_months: CallMonths = SqlCallMonths(statements)

    def __enter__(self) -> Self:
        self._statements.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._statements.close()

    def commit(self) -> None:
        """Durable when this returns. Raises DatabaseUnavailable: then nothing is known, and the use case must be asked
        again."""
        self._statements.commit()

    def rollback(self) -> None:
        """Takes back what was done since the start or the last commit; the unit can be used on."""
        self._statements.rollback()
