"""PBXs and their secrets: made or taken over, rotated, revoked, opened for checking a signature.

Answers for: a secret being shown once and sealed at rest, two being valid during a rotation. Must not know: a
signature's form, what a secret's text is read as, SQL.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from maskservice.domain.errors import FieldError, InvalidContent, NotFound
from maskservice.domain.ids import new_plain_id
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Pbx, PbxSecret
from maskservice.services.tenants import checked_name

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the public prefix of the Standard Webhooks form, not a secret
NATIVE = "native"
_SECRET_BYTES = 32
_VALID_AT_ONCE = 2
LONGEST_PLACE = 200
_PLACE = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*")


class SecretForm(Protocol):
    """Whose a dialect's secret is, ours to make or a provider's to be pasted, and what its owner calls it."""

    @property
    def ours(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def found_at(self) -> str: ...


class Spoken(Protocol):
    """A dialect as far as its secrets are concerned."""

    @property
    def name(self) -> str: ...

    @property
    def secret_form(self) -> SecretForm: ...

    def read_secret(self, text: str) -> bytes:
        """Raises ValueError, which never repeats the text."""
        ...


@dataclass(frozen=True, slots=True)
class NewSecret:
    """``secret`` is shown once; empty where the provider made it, since the operator has it already."""

    pbx: Pbx
    secret_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenPbx:
    """What a request of a PBX is checked with: its dialect's name, and the texts of its valid secrets, newest first
    (none for a revoked PBX), and where its recordings lie. ``revision``: how often it was changed before."""

    dialect: str
    secrets: tuple[str, ...] = field(repr=False)
    recordings: str | None = None
    revision: int = 0


def create_pbx(
    name: str,
    *,
    dialect: Spoken | None = None,
    secret: str | None = None,
    recordings: str | None = None,
    ports: Ports,
) -> NewSecret:
    """A PBX with its first secret: a new one where the dialect's is ours (None: the native dialect, whose is), else
    the provider's, pasted as ``secret``. ``recordings`` as for :func:`change_pbx`. Raises NameTaken, InvalidContent."""
    name = checked_name(name)
    recordings = None if recordings is None else checked_recordings(recordings)
    text = _secret_text(dialect, secret, ports)
    now = ports.clock.now()
    spoken = NATIVE if dialect is None else dialect.name
    pbx = Pbx(new_plain_id("pbx", now, ports.randomness.randbytes(10)), name, spoken, now, recordings=recordings)
    with ports.unit() as uow:
        uow.pbxs.add(pbx)
        secret_id = _add_secret(pbx, text, uow, ports)
        uow.commit()
    return NewSecret(pbx, secret_id, text if secret is None else "")


def change_pbx(name: str, *, recordings: str | None, ports: Ports) -> Pbx:
    """``recordings``: the address below which the PBX finds the recorded prompts; None has them spoken. Raises
    NotFound, InvalidContent."""
    recordings = None if recordings is None else checked_recordings(recordings)
    with ports.unit() as uow:
        pbx = _named(name, uow)
        uow.pbxs.set_recordings(pbx.id, recordings)
        uow.commit()
    return replace(pbx, recordings=recordings)


def checked_recordings(place: str) -> str:
    """An address of http or https without a slash at its end: it stands in documents, so of plain characters only, and
    without a name or password. Raises InvalidContent."""
    place = place.strip().rstrip("/")
    if len(place) > LONGEST_PLACE or not _PLACE.fullmatch(place):
        detail = f"Give an address like https://sounds.example.com/mask, of at most {LONGEST_PLACE} characters."
        raise InvalidContent((FieldError("/recordings", "invalid", detail),))
    return place


def rotate_secret(name: str, *, dialect: Spoken | None = None, secret: str | None = None, ports: Ports) -> NewSecret:
    """A new secret beside the last one, which stays valid until it is revoked; older ones end now. ``dialect`` (the
    PBX's own) and ``secret`` as for :func:`create_pbx`.

    Raises NotFound, also for a revoked PBX; InvalidContent; ValueError for our own mistake of another dialect.
    """
    text = _secret_text(dialect, secret, ports)
    with ports.unit() as uow:
        pbx = _named(name, uow)
        if pbx.revoked_at is not None:
            raise NotFound("This PBX was revoked; create a new one: maskservice pbx create NAME.")
        if pbx.dialect != (NATIVE if dialect is None else dialect.name):
            raise ValueError("the secret of one dialect was offered to a PBX of another")
        for old in uow.pbxs.secrets(pbx.id)[_VALID_AT_ONCE - 1 :]:
            uow.pbxs.revoke_secret(old.id, at=ports.clock.now())
        secret_id = _add_secret(pbx, text, uow, ports)
        uow.commit()
    return NewSecret(pbx, secret_id, text if secret is None else "")


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


def pbx_named(name: str, *, ports: Ports) -> Pbx:
    """The PBX, a revoked one too. Raises NotFound."""
    with ports.unit(write=False) as uow:
        return _named(name, uow)


def open_pbx(pbx_id: str, *, ports: Ports) -> OpenPbx | None:
    """The dialect of a PBX, its valid secrets and its recordings, in one statement; None for an unknown PBX. Raises
    DatabaseUnavailable, KeyMissing."""
    with ports.unit(write=False) as uow:
        found = uow.pbxs.spoken_by(pbx_id)
    if found is None:
        return None
    return OpenPbx(found.dialect, tuple(_open(each, ports) for each in found.secrets), found.recordings, found.revision)


def _named(name: str, uow: UnitOfWork) -> Pbx:
    pbx = uow.pbxs.named(name)
    if pbx is None:
        raise NotFound("There is no PBX of this name. 'maskservice pbx list' shows them.")
    return pbx


def _secret_text(dialect: Spoken | None, pasted: str | None, ports: Ports) -> str:
    """A new secret of ours, or the provider's once its dialect can read it. Raises InvalidContent, which says what to
    paste and never what was pasted."""
    if dialect is None or dialect.secret_form.ours:
        if pasted is not None:
            raise InvalidContent((FieldError("/secret", "invalid", _NOT_GIVEN),))
        return SECRET_PREFIX + base64.b64encode(ports.randomness.randbytes(_SECRET_BYTES)).decode("ascii")
    wanted = f"It is the {dialect.secret_form.name} of {dialect.secret_form.found_at}."
    if pasted is None:
        raise InvalidContent((FieldError("/secret", "required", f"Paste the provider's secret. {wanted}"),))
    try:
        dialect.read_secret(pasted)
    except ValueError as unreadable:
        reason = str(unreadable)
    else:
        return pasted
    raise InvalidContent((FieldError("/secret", "invalid", f"{reason} {wanted}"),))


_NOT_GIVEN = "The service makes the secret of this dialect itself and shows it once: give none."


def _add_secret(pbx: Pbx, text: str, uow: UnitOfWork, ports: Ports) -> str:
    now = ports.clock.now()
    secret_id = new_plain_id("sec", now, ports.randomness.randbytes(10))
    row = ports.cipher.new_row("", secret_id)
    uow.pbxs.add_secret(PbxSecret(secret_id, pbx.id, row.wrapped_key, row.seal("secret", text), now))
    return secret_id


def _open(sealed: PbxSecret, ports: Ports) -> str:
    return ports.cipher.open_row("", sealed.id, sealed.wrapped_key).open("secret", sealed.secret)
