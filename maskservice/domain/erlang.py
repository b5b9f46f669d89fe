"""Erlang B: how many lines a trunk group needs so that a call seldom finds all of them busy.

Answers for: blocking of a number of lines, lines for a blocking. Must not know: what the lines are used for.
Source: A. K. Erlang, 1917; as recursion in ITU-D SG 2/16, Teletraffic Engineering Handbook, section 4.5.
"""

from __future__ import annotations

MOST_ERLANGS = 1_000_000
"""One trunk group beyond this is no plan, and the recursion takes a step a line."""


def blocking(lines: int, erlangs: float) -> float:
    """Chance, in [0, 1], that a call finds all ``lines`` busy when ``erlangs`` are offered; calls come at random and a
    blocked one goes away. ``lines`` from 0; ``erlangs`` from 0."""
    if erlangs == 0:
        return 0.0 if lines else 1.0
    inverse = 1.0
    for line in range(1, lines + 1):
        inverse = 1.0 + inverse * line / erlangs
    return 1.0 / inverse


def lines_needed(erlangs: float, *, at_most: float) -> int:
    """The fewest lines whose blocking is ``at_most``, in (0, 1]. ``erlangs`` from 0 to :data:`MOST_ERLANGS`.

    1/B(n) = 1 + n/A × 1/B(n - 1) with B(0) = 1: the inverse only grows and overflows nowhere, since it is left as soon
    as it reaches 1/``at_most``.
    """
    if erlangs == 0:
        return 0
    lines, inverse = 0, 1.0
    while inverse * at_most < 1.0:
        lines += 1
        inverse = 1.0 + inverse * lines / erlangs
    return lines
