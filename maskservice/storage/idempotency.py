"""Idempotency keys: which request a key stands for, and the binding that answered it.

Answers for: the repository ``Idempotency``; a key is claimed once, by the primary key. Must not know: what a request
says.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Delete, bindparam, delete, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.errors import DatabaseUnavailable, IdempotencyInProgress
from maskservice.services.records import IdempotencyClaim
from maskservice.storage.failures import is_lock_timeout
from maskservice.storage.hot_models import IDEMPOTENCY
from maskservice.storage.statements import Statements

_I = IDEMPOTENCY.c
_HERE = (_I.tenant_id == bindparam("at_tenant"), _I.key == bindparam("at_key"))
_COLUMNS = (_I.tenant_id, _I.key, _I.fingerprint, _I.order_id, _I.binding, _I.created_at, _I.created)

_CLAIM = upsert(IDEMPOTENCY).on_conflict_do_nothing(index_elements=[_I.tenant_id, _I.key])
_GET = select(*_COLUMNS).where(*_HERE)
_ANSWERED = update(IDEMPOTENCY).where(*_HERE).values(created=False, binding=bindparam("made", type_=_I.binding.type))


@lru_cache(maxsize=8)
def _forget(limit: int) -> Delete:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return delete(IDEMPOTENCY).where(
        tuple_(_I.tenant_id, _I.key).in_(
            select(_I.tenant_id, _I.key)
            .where(_I.created_at < bindparam("limit_time"))
            .order_by(_I.created_at)
            .limit(literal_column(str(limit)))
            .with_for_update(skip_locked=True)
        )
    )


class SqlIdempotency:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def claim(self, claim: IdempotencyClaim) -> IdempotencyClaim | None:
        """PostgreSQL makes the second request wait at the index until the first one's unit ends. On SQLite it waits for
        the writer's place, before anything is known of its key, so that after 5 s it is DatabaseUnavailable there."""
        row = {
            "tenant_id": claim.tenant_id,
            "key": claim.key,
            "fingerprint": claim.fingerprint,
            "order_id": claim.order_id,
            "binding": claim.binding,
            "created_at": claim.created_at,
            "created": claim.created,
        }
        for _ in range(2):
            if self._insert(row):
                return None
            earlier = self._statements.first(_GET, {"at_tenant": claim.tenant_id, "at_key": claim.key})
            if earlier is not None:
                return IdempotencyClaim(*earlier)
        # It was there, was forgotten by age, and was claimed anew between our statements, twice over.
        raise IdempotencyInProgress("A request with this Idempotency-Key is in progress; ask again.")

    def _insert(self, row: dict[str, object]) -> bool:
        in_progress = False
        try:
            return self._statements.change(_CLAIM, row) == 1
        except DatabaseUnavailable as failure:
            in_progress = is_lock_timeout(failure)
            if not in_progress:
                raise
        raise IdempotencyInProgress("The first request with this Idempotency-Key is still in progress; ask again.")

    def answered_with(self, tenant_id: str, key: str, *, binding: UUID) -> None:
        self._statements.change(_ANSWERED, {"at_tenant": tenant_id, "at_key": key, "made": binding})

    def forget(self, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget(limit), {"limit_time": older_than})
