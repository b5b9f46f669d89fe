"""PBXs and their secrets: made, rotated, revoked, opened for checking a signature.

Answers for: a secret being shown once and sealed at rest, two being valid during a rotation. Must not know: a
signature's form, SQL.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from maskservice.domain.errors import NotFound
from maskservice.domain.ids import new_plain_id
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Pbx, PbxSecret
from maskservice.services.tenants import checked_name

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the public prefix of the Standard Webhooks form, not a secret
NATIVE = "native"
_SECRET_BYTES = 32
_VALID_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class NewSecret:
    """``secret`` is shown once."""

    pbx: Pbx
    secret_id: str
    secret: str = field(repr=False)


def create_pbx(name: str, *, dialect: str = NATIVE, ports: Ports) -> NewSecret:
    """A PBX with its first secret. Raises NameTaken, InvalidContent."""
    name = checked_name(name)
    now = ports.clock.now()
    pbx = Pbx(new_plain_id("pbx", now, ports.randomness.randbytes(10)), name, dialect, now)
    with ports.unit() as uow:
        uow.pbxs.add(pbx)
        secret = _add_secret(pbx, uow, ports)
        uow.commit()
    return secret


def rotate_secret(name: str, *, ports: Ports) -> NewSecret:
    """A new secret beside the last one, which stays valid until it is revoked; older ones end now. Raises NotFound,
    also for
    a revoked PBX."""
    with ports.unit() as uow:
        pbx = _named(name, uow)
        if pbx.revoked_at is not None:
            raise NotFound("This PBX was revoked; create a new one: maskservice pbx create NAME.")
        for old in uow.pbxs.secrets(pbx.id)[_VALID_AT_ONCE - 1 :]:
            uow.pbxs.revoke_secret(old.id, at=ports.clock.now())
        secret = _add_secret(pbx, uow, ports)
        uow.commit()
    return secret


def revoke_secret(secret_id: str, *, ports: Ports) -> None:
    """Raises NotFound."""
    with ports.unit() as uow:
        if not uow.pbxs.revoke_secret(secret_id, at=ports.clock.now()):
            raise NotFound("There is no secret of this id. 'maskservice pbx list' shows them.")
        uow.commit()


def revoke_pbx(name: str, *, ports: Ports) -> None:
    """The PBX is no longer heard, whatever it signs with. Raises NotFound."""
    with ports.unit() as uow:
        uow.pbxs.revoke(_named(name, uow).id, at=ports.clock.now())
        uow.commit()


def list_pbxs(ports: Ports) -> Sequence[tuple[Pbx, Sequence[PbxSecret]]]:
    """Each PBX with its valid secrets, still sealed."""
    with ports.unit(write=False) as uow:
        return [(pbx, uow.pbxs.secrets(pbx.id)) for pbx in uow.pbxs.all()]


def open_secrets(pbx_id: str, *, ports: Ports) -> tuple[bytes, ...]:
    """The valid secrets' bytes for checking a signature; empty for an unknown or revoked PBX. Raises
    DatabaseUnavailable, KeyMissing."""
    with ports.unit(write=False) as uow:
        sealed = uow.pbxs.secrets(pbx_id)
    return tuple(_open(each, ports) for each in sealed)


def _named(name: str, uow: UnitOfWork) -> Pbx:
    pbx = uow.pbxs.named(name)
    if pbx is None:
        raise NotFound("There is no PBX of this name. 'maskservice pbx list' shows them.")
    return pbx


def _add_secret(pbx: Pbx, uow: UnitOfWork, ports: Ports) -> NewSecret:
    now = ports.clock.now()
    text = SECRET_PREFIX + base64.b64encode(ports.randomness.randbytes(_SECRET_BYTES)).decode("ascii")
    secret_id = new_plain_id("sec", now, ports.randomness.randbytes(10))
    row = ports.cipher.new_row("", secret_id)
    uow.pbxs.add_secret(PbxSecret(secret_id, pbx.id, row.wrapped_key, row.seal("secret", text), now))
    return NewSecret(pbx, secret_id, text)


def _open(sealed: PbxSecret, ports: Ports) -> bytes:
    text = ports.cipher.open_row("", sealed.id, sealed.wrapped_key).open("secret", sealed.secret)
    return base64.b64decode(text.removeprefix(SECRET_PREFIX))
