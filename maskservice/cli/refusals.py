"""What a command does when it cannot do its work: one clear line on stderr that says what to do next, exit code 1.

Answers for: no traceback for anything that an operator can mend. Must not know: the commands.
"""

from __future__ import annotations

import os
from typing import Any

import click

from maskservice.domain.errors import DatabaseUnavailable, InvalidContent, MaskServiceError, NameTaken
from maskservice.settings import SettingsInvalid
from maskservice.simulator import SimulatorError

_NEXT = {
    NameTaken: "Choose another name, or list what there is.",
    DatabaseUnavailable: "Check MASKSERVICE_DATABASE_URL and that the database server runs.",
}


class RefusingGroup(click.Group):
    """Turns what the product refuses into click's refusal; everything else is a bug of ours and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsInvalid as mistakes:
            raise click.ClickException(
                _several("These settings have to be mended:", str(mistakes).splitlines())
            ) from None
        except MaskServiceError as refusal:
            raise click.ClickException(said(refusal)) from None
        except SimulatorError as failure:
            raise click.ClickException(str(failure)) from None
        except BrokenPipeError:
            raise  # click ends quietly when a pager or `head` is gone
        except OSError as failure:
            raise click.ClickException(_system(failure)) from None


def said(refusal: MaskServiceError) -> str:
    """The refusal as a sentence with the next step. It never repeats what was refused."""
    if isinstance(refusal, InvalidContent) and refusal.errors:
        faults = [
            f"{fault.pointer.strip('/').replace('_', ' ').replace('/', ' ')}: {fault.detail}"
            for fault in refusal.errors
        ]
        return faults[0] if len(faults) == 1 else _several("These have to be mended:", faults)
    detail = refusal.detail or refusal.code.replace("_", " ").capitalize() + "."
    step = next((text for kind, text in _NEXT.items() if isinstance(refusal, kind)), "")
    return f"{detail} {step}".rstrip()


def _several(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _system(failure: OSError) -> str:
    reason = os.strerror(failure.errno) if failure.errno else type(failure).__name__
    place = failure.filename if isinstance(failure.filename, str) else ""
    return f"{reason}: {place}. Check that the path exists and is yours." if place else f"{reason}."
