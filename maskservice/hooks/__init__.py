"""The way out to tenants' servers: HTTPS, signed, within one second, and to public addresses only.

Answers for: :class:`HttpsHookLine`, one a process. Must not know: calls, storage, what an answer means.
"""

from maskservice.hooks.line import HttpsHookLine

__all__ = ["HttpsHookLine"]
