"""What Asterisk plays for a prompt: names of sound files, joined by ``&`` as ``Read()`` and ``GET DATA`` take them.

Answers for: the list of recordings an operator makes, and telling a menu in single recorded words and digits, since a
dialplan has no speech of its own. Must not know: the dialplan, AGI, where the files lie.
"""

from __future__ import annotations

import re
from typing import Final

from maskservice.domain.prompts import Prompt, PromptId

FOLDER: Final = "mask"
BEEP: Final = "beep"
ORDER, PRESS = f"{FOLDER}/order", f"{FOLDER}/press"
# A sentence that a tenant's hook made up a moment ago lies nowhere as a file: the neutral one is played for it.
_FILES: Final = {each: f"{FOLDER}/{PromptId.GOODBYE if each is PromptId.FROM_TENANT else each}" for each in PromptId}
RECORDINGS: Final = (*dict.fromkeys(_FILES.values()), ORDER, PRESS)
"""Every file that is to be recorded, below ``sounds/<language>/``. Digits are Asterisk's own ``digits/0`` to ``/9``."""

# One line of domain/prompts.py's menu in each of its languages; a test holds the two together.
_LINE: Final = re.compile(
    r"(?:訂單尾號(?P<zh_tail>[0-9]{4})|第[0-9]+筆訂單)，請按(?P<zh_key>[1-9])。"
    r"|order (?:ending (?P<en_tail>[0-9]{4})|number [0-9]+ in the list)[^,.]*, press (?P<en_key>[1-9])\."
)


def playlist(prompt: Prompt) -> str:
    """``mask/enter_extension``; for a menu ``mask/choose_order&mask/order&digits/1…&mask/press&digits/1…``.

    Only ``a-z 0-9 _ / &`` stand in it. An order without four digits is told by its key alone.
    """
    files = [_FILES[prompt.id]]
    if prompt.id is PromptId.CHOOSE_ORDER:
        for line in _LINE.finditer(prompt.text):
            tail, key = line["zh_tail"] or line["en_tail"] or "", line["zh_key"] or line["en_key"]
            if tail:
                files += [ORDER, *(f"digits/{digit}" for digit in tail)]
            files += [PRESS, f"digits/{key}"]
    return "&".join(files)
