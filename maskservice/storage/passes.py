"""Passes: for a short time a caller reaches one recipient by dialling the virtual number alone.

Answers for: the repository ``Passes``. Must not know: numbers; a caller is a mark. The look-up of a pass is part of a
bare call's one read (``calls.py``).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import Delete, bindparam, delete, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.ids import BindingId
from maskservice.storage.hot_models import PASSES
from maskservice.storage.statements import Statements

_P = PASSES.c
_KEY = (_P.virtual_number, _P.mark)


def _give() -> Insert:
    """The tap that commits last stays, whatever its clock says: it was told that its pass is good."""
    statement = upsert(PASSES)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=_KEY, set_={name: new[name] for name in ("binding", "expires_at")}
    )


_GIVE = _give()


@lru_cache(maxsize=8)
def _forget(limit: int) -> Delete:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return delete(PASSES).where(
        tuple_(*_KEY).in_(
            select(*_KEY)
            .where(_P.expires_at < bindparam("limit_time"))
            .order_by(_P.expires_at)
            .limit(literal_column(str(limit)))
            .with_for_update(skip_locked=True)
        )
    )


class SqlPasses:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def give(self, binding_id: BindingId, mark: bytes, *, expires_at: datetime) -> None:
        self._statements.change(
            _GIVE,
            {
                "virtual_number": binding_id.virtual_number,
                "mark": mark,
                "binding": binding_id.key,
                "expires_at": expires_at,
            },
        )

    def forget(self, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget(limit), {"limit_time": older_than})
