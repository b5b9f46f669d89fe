"""A new binding as it is placed in one piece, and the repository that does it.

Answers for: the shape, and the promise of the method. Must not know: SQL, content.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from maskservice.services.records import StoredBinding


@dataclass(frozen=True, slots=True)
class Placement:
    """``stored``: the binding with everything but its extension, which is the first free one of ``proposals``."""

    stored: StoredBinding
    ceiling: int
    proposals: tuple[str, ...]

    def with_extension(self, extension: str) -> StoredBinding:
        return replace(self.stored, binding=replace(self.stored.binding, extension=extension))


class Placements(Protocol):
    def place(self, placement: Placement) -> str | None:
        """The extension; all is written or nothing. None where the order is held, the number is at its ceiling or every
        proposal is taken: nothing is written then; in a unit that is not whole by itself the caller rolls back."""
        ...
