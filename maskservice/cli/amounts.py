"""Amounts and shares as people write them: ``0.12``, ``12%``.

Answers for: reading a decimal exactly. Must not know: what is counted.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click


class Amount(click.ParamType[Decimal]):
    """A decimal kept exactly, or a share written 12%.

    ``most``: only amounts above 0 and at most this; without it the range is the domain's to judge, together with all
    others.
    """

    name = "amount"

    def __init__(self, *, most: int | None = None) -> None:
        self._most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        text = str(value).strip().replace("％", "%")
        try:
            amount = Decimal(text.removesuffix("%").strip())
        except InvalidOperation:
            self.fail("write a number such as 0.1 or 10%", param, ctx)
        # Exponents beyond these would be computed with for minutes before they were refused.
        everyday = amount.is_finite() and (not amount or -12 <= amount.adjusted() <= 12)
        if not everyday and self._most is None:
            self.fail("write a number of everyday size", param, ctx)
        if everyday and text.endswith("%"):
            amount /= 100
        if self._most is not None and not (everyday and 0 < amount <= self._most):
            self.fail(f"it is above 0 and at most {self._most} ({self._most}00%)", param, ctx)
        return amount
