"""What an API key may be allowed to do.

Answers for: the words. Must not know: which route wants which.
"""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    BINDINGS_WRITE = "bindings:write"
    BINDINGS_READ = "bindings:read"
    LABELS_READ = "labels:read"
    RESOLUTIONS_READ = "resolutions:read"
    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    COURIERS_READ = "couriers:read"
    COURIERS_WRITE = "couriers:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    HOOKS_READ = "hooks:read"
    HOOKS_WRITE = "hooks:write"


ALL_SCOPES = frozenset(Scope)
