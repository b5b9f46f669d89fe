"""The crypto room: key ring, cipher, blind index, self-test.

Answers for: that a stolen database gives no number, and a moved or altered value does not open. Must not know: Flask,
SQLAlchemy, the settings.
"""

from __future__ import annotations

from maskservice.crypto.blind_index import BlindIndex
from maskservice.crypto.cipher import NumberCipher, RowCipher, RowRef
from maskservice.crypto.keyring import KeyRing, create_keyring_file, read_keyring, replace_keyring_file
from maskservice.crypto.selftest import KeyFault, KeyFaultKind, key_check, missing_or_wrong, run_self_test

__all__ = [
    "BlindIndex",
    "KeyFault",
    "KeyFaultKind",
    "KeyRing",
    "NumberCipher",
    "RowCipher",
    "RowRef",
    "create_keyring_file",
    "key_check",
    "missing_or_wrong",
    "read_keyring",
    "replace_keyring_file",
    "run_self_test",
]
