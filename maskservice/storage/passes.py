"""Passes: for a short time a caller reaches one recipient by dialling the virtual number alone.

Answers for: the repository ``Passes``. Must not know: numbers; a caller is a mark. The look-up of a pass is part of a
bare call's one read (``calls.py``).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

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
_THIS = (
    _P.virtual_number == bindparam("at_number", type_=_P.virtual_number.type),
    _P.mark == bindparam("of_mark", type_=_P.mark.type),
    _P.binding == bindparam("to_binding", type_=_P.binding.type),
)
_UNTIL = select(_P.expires_at).where(*_THIS)
_WITHDRAW = delete(PASSES).where(*_THIS)


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


def _this(binding_id: BindingId, mark: bytes) -> dict[str, Any]:
    return {"at_number": binding_id.virtual_number, "of_mark": mark, "to_binding": binding_id.key}


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

    def until(self, binding_id: BindingId, mark: bytes) -> datetime | None:
        row = self._statements.first(_UNTIL, _this(binding_id, mark))
        return None if row is None else row[0]

    def withdraw(self, binding_id: BindingId, mark: bytes) -> None:
        self._statements.change(_WITHDRAW, _this(binding_id, mark))

    def forget(self, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget(limit), {"limit_time": older_than})
