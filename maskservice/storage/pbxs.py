"""PBXs and their secrets.

Answers for: the repository ``Pbxs``. Must not know: what a secret is, how a webhook is signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.errors import NameTaken
from maskservice.services.records import Pbx, PbxSecret, SpokenPbx
from maskservice.storage.models import PBX_SECRETS, PBXS
from maskservice.storage.statements import Statements

_P, _S = PBXS.c, PBX_SECRETS.c
_PBX_COLUMNS = (_P.id, _P.name, _P.dialect, _P.created_at, _P.revoked_at, _P.recordings)
_SECRET_COLUMNS = (_S.id, _S.pbx_id, _S.wrapped_key, _S.secret, _S.created_at, _S.revoked_at)

_ADD = upsert(PBXS).on_conflict_do_nothing(index_elements=[_P.name])
_NAMED = select(*_PBX_COLUMNS).where(_P.name == bindparam("wanted"))
_ALL = select(*_PBX_COLUMNS).order_by(_P.id)
_KNOWN = select(_P.id).where(_P.id == bindparam("wanted"))
_REVOKE = (
    update(PBXS)
    .where(_P.id == bindparam("wanted"), _P.revoked_at.is_(None))
    .values(revoked_at=bindparam("moment", type_=_P.revoked_at.type))
)
_CHANGE = (
    update(PBXS).where(_P.id == bindparam("wanted")).values(recordings=bindparam("place"), revision=_P.revision + 1)
)
_CHANGED = update(PBXS).where(_P.id == bindparam("wanted")).values(revision=_P.revision + 1)
_SECRET_CHANGED = (
    update(PBXS)
    .where(_P.id == select(_S.pbx_id).where(_S.id == bindparam("wanted")).scalar_subquery())
    .values(revision=_P.revision + 1)
)
_REVISION = select(_P.revision).where(_P.id == bindparam("wanted"), _P.revoked_at.is_(None))
_ADD_SECRET = insert(PBX_SECRETS)
_KNOWN_SECRET = select(_S.id).where(_S.id == bindparam("wanted"))
_REVOKE_SECRET = (
    update(PBX_SECRETS)
    .where(_S.id == bindparam("wanted"), _S.revoked_at.is_(None))
    .values(revoked_at=bindparam("moment", type_=_S.revoked_at.type))
)
_SECRETS = (
    select(*_SECRET_COLUMNS)
    .join_from(PBX_SECRETS, PBXS, _P.id == _S.pbx_id)
    .where(_S.pbx_id == bindparam("wanted"), _S.revoked_at.is_(None), _P.revoked_at.is_(None))
    .order_by(_S.created_at.desc(), _S.id.desc())
)
_SPOKEN_BY = (
    select(_P.dialect, _P.recordings, _P.revision, *_SECRET_COLUMNS)
    .join_from(
        PBXS, PBX_SECRETS, and_(_P.id == _S.pbx_id, _S.revoked_at.is_(None), _P.revoked_at.is_(None)), isouter=True
    )
    .where(_P.id == bindparam("wanted"))
    .order_by(_S.created_at.desc(), _S.id.desc())
)


class SqlPbxs:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, pbx: Pbx) -> None:
        row = {
            "id": pbx.id,
            "name": pbx.name,
            "dialect": pbx.dialect,
            "created_at": pbx.created_at,
            "revoked_at": pbx.revoked_at,
            "recordings": pbx.recordings,
        }
        if not self._statements.change(_ADD, row):
            raise NameTaken("There is a PBX of this name already.")

    def named(self, name: str) -> Pbx | None:
        row = self._statements.first(_NAMED, {"wanted": name})
        return None if row is None else Pbx(*row)

    def all(self) -> Sequence[Pbx]:
        return [Pbx(*row) for row in self._statements.rows(_ALL)]

    def add_secret(self, secret: PbxSecret) -> None:
        self._statements.change(
            _ADD_SECRET,
            {
                "id": secret.id,
                "pbx_id": secret.pbx_id,
                "wrapped_key": secret.wrapped_key,
                "secret": secret.secret,
                "created_at": secret.created_at,
                "revoked_at": secret.revoked_at,
            },
        )
        self._statements.change(_CHANGED, {"wanted": secret.pbx_id})

    def revoke_secret(self, secret_id: str, *, at: datetime) -> bool:
        """False where there is no such secret; revoking again keeps the first moment."""
        if self._statements.change(_REVOKE_SECRET, {"wanted": secret_id, "moment": at}):
            self._statements.change(_SECRET_CHANGED, {"wanted": secret_id})
            return True
        return self._statements.first(_KNOWN_SECRET, {"wanted": secret_id}) is not None

    def secrets(self, pbx_id: str) -> Sequence[PbxSecret]:
        return [PbxSecret(*row) for row in self._statements.rows(_SECRETS, {"wanted": pbx_id})]

    def set_recordings(self, pbx_id: str, place: str | None) -> None:
        self._statements.change(_CHANGE, {"wanted": pbx_id, "place": place})

    def spoken_by(self, pbx_id: str) -> SpokenPbx | None:
        rows = self._statements.rows(_SPOKEN_BY, {"wanted": pbx_id})
        if not rows:
            return None
        # A PBX without a valid secret is one row, in which a secret's columns are all empty.
        dialect, recordings, revision = rows[0][:3]
        secrets = [PbxSecret(*row[3:]) for row in rows if row[3] is not None]
        return SpokenPbx(dialect, recordings, revision, secrets)

    def revision(self, pbx_id: str) -> int | None:
        row = self._statements.first(_REVISION, {"wanted": pbx_id})
        return None if row is None else row[0]

    def revoke(self, pbx_id: str, *, at: datetime) -> bool:
        """False where there is no such PBX; revoking again keeps the first moment."""
        if self._statements.change(_REVOKE, {"wanted": pbx_id, "moment": at}):
            return True
        return self._statements.first(_KNOWN, {"wanted": pbx_id}) is not None
