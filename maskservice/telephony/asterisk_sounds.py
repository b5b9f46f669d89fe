"""What Asterisk plays for a prompt: names of sound files, joined by ``&`` as ``Read()`` and ``GET DATA`` take them.

Answers for: the names of files, since a dialplan has no speech of its own. Must not know: the dialplan, AGI, where the
files lie.
"""

from __future__ import annotations

from typing import Final

from maskservice.domain.prompts import Prompt, PromptId
from maskservice.telephony.recordings import DIGIT, ORDER, PRESS, Recorded, pieces_of

FOLDER: Final = "mask"
BEEP: Final = "beep"
# A sentence that a tenant's hook made up a moment ago lies nowhere as a file: the neutral one is played for it.
_FILES: Final = {each: f"{FOLDER}/{PromptId.GOODBYE if each is PromptId.FROM_TENANT else each}" for each in PromptId}
RECORDINGS: Final = (*dict.fromkeys(_FILES.values()), f"{FOLDER}/{ORDER}", f"{FOLDER}/{PRESS}")
"""Every file that is to be recorded, below ``sounds/<language>/``. Digits are Asterisk's own ``digits/0`` to ``/9``."""


def playlist(prompt: Prompt) -> str:
    """``mask/enter_extension``; for a menu ``mask/choose_order&mask/order&digits/1…&mask/press&digits/1…``.

    Only ``a-z 0-9 _ / &`` stand in it. Shops' names, which no file holds, are left out.
    """
    files = [_file(piece) for piece in pieces_of(prompt) if isinstance(piece, Recorded)]
    return "&".join(files or [_FILES[prompt.id]])


def _file(recording: Recorded) -> str:
    if recording.name.startswith(DIGIT):
        return f"digits/{recording.name.removeprefix(DIGIT)}"
    return f"{FOLDER}/{recording.name}"
