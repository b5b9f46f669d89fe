"""Assignments: which couriers are given to a binding.

Answers for: the repository ``Assignments``. Must not know: whether a binding asks for them. The purge of a binding
(``bindings.py``) forgets its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, insert, select

from maskservice.domain.ids import BindingId
from maskservice.storage.roster_models import ASSIGNMENTS
from maskservice.storage.statements import Statements

_A = ASSIGNMENTS.c
_HERE = (_A.virtual_number == bindparam("at_number"), _A.binding == bindparam("at_key"))

_ADD = insert(ASSIGNMENTS)
_CLEAR = delete(ASSIGNMENTS).where(*_HERE)
_OF_BINDING = select(_A.courier_id).where(*_HERE).order_by(_A.courier_id)
_FORGET_COURIER = delete(ASSIGNMENTS).where(_A.courier_id == bindparam("wanted"))


class SqlAssignments:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def replace(self, binding_id: BindingId, courier_ids: Collection[str]) -> None:
        number, key = binding_id.virtual_number, binding_id.key
        self._statements.change(_CLEAR, {"at_number": number, "at_key": key})
        if courier_ids:
            rows = [{"virtual_number": number, "binding": key, "courier_id": each} for each in sorted(set(courier_ids))]
            self._statements.change(_ADD, rows)

    def of_binding(self, binding_id: BindingId) -> Sequence[str]:
        place = {"at_number": binding_id.virtual_number, "at_key": binding_id.key}
        return [row[0] for row in self._statements.rows(_OF_BINDING, place)]

    def forget_courier(self, courier_id: str) -> None:
        self._statements.change(_FORGET_COURIER, {"wanted": courier_id})
