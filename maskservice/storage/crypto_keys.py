"""Which keys the database's values were written with.

Answers for: the repository ``CryptoKeys``. Must not know: keys; an id and a check value are all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.storage.models import CRYPTO_KEYS
from maskservice.storage.statements import Statements

_K = CRYPTO_KEYS.c
_REGISTERED = select(_K.id, _K.check_value).order_by(_K.id)
_REGISTER = upsert(CRYPTO_KEYS).on_conflict_do_nothing(index_elements=[_K.id])


class SqlCryptoKeys:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def registered(self) -> Mapping[str, bytes]:
        return {key_id: check for key_id, check in self._statements.rows(_REGISTERED)}  # noqa: C416 - rows are no pairs to mypy

    def register(self, checks: Mapping[str, bytes], *, at: datetime) -> None:
        """A check value that is known stays: a key cannot change under its id."""
        for key_id, check in checks.items():
            self._statements.change(_REGISTER, {"id": key_id, "check_value": check, "created_at": at})
