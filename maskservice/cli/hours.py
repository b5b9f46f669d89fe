"""Quiet hours as an option.

Answers for: how they are typed. Must not know: what they do to a call.
"""

from __future__ import annotations

import click

from maskservice.domain.call_policy import QuietHours
from maskservice.domain.errors import InvalidContent


class Hours(click.ParamType[QuietHours]):
    """Written 21:00-08:00, in Asia/Taipei."""

    name = "hours"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> QuietHours:
        try:
            return QuietHours.parse(str(value))
        except InvalidContent:
            self.fail("write daily hours as 21:00-08:00; start and end differ", param, ctx)
