"""QR codes for print: SVG and PNG.

Answers for: error level, quiet zone and size on paper. Must not know: what a code leads to.
"""

from __future__ import annotations

import io
from typing import Final

import segno

# ISO/IEC 18004: four modules of quiet zone. Half a millimetre a module is read from an arm's length by any phone.
_QUIET_ZONE: Final = 4
_MODULE_MM: Final = 0.5
_PNG_DOTS: Final = 6  # half a millimetre, to a hair, at 300 dots an inch
_PNG_DPI: Final = 300

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"


def qr_svg(text: str, *, title: str) -> bytes:
    """Black on white, also on a dark page; half a millimetre a module. ``title``: what a screen reader says."""
    drawn = io.BytesIO()
    _code(text).save(
        drawn, kind="svg", scale=_MODULE_MM, unit="mm", border=_QUIET_ZONE, light="#fff", title=title, nl=False
    )
    return drawn.getvalue().replace(b"<svg ", b'<svg role="img" shape-rendering="crispEdges" ', 1)


def qr_png(text: str) -> bytes:
    """Black on white at 300 dpi, the same size on paper as :func:`qr_svg`."""
    drawn = io.BytesIO()
    _code(text).save(drawn, kind="png", scale=_PNG_DOTS, dpi=_PNG_DPI, border=_QUIET_ZONE)
    return drawn.getvalue()


def _code(text: str) -> segno.QRCode:
    """Level M at least: 15 % of the code may be covered. Higher where that makes it no larger."""
    return segno.make(text, error="m", micro=False)
