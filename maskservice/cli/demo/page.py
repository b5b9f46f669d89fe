"""The demo's page: panels, steps, calls, at 80 columns and up, plain where it is piped.

Answers for: the look. Must not know: where anything comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_TAIPEI = ZoneInfo("Asia/Taipei")
_WIDEST = 100
_INDENT = (0, 0, 0, 3)


class Page:
    def __init__(self, console: Console) -> None:
        # Wider than a hundred columns a line is no longer read as one.
        if console.width > _WIDEST:
            console.width = _WIDEST
        self._console = console
        self._steps = 0

    def panel(self, title: str, *lines: str | Text, style: str = "cyan") -> None:
        body = Group(*(Text(line) if isinstance(line, str) else line for line in lines))
        self._console.print(
            Panel(body, title=f"[bold]{title}[/]", title_align="left", box=box.ROUNDED, border_style=style)
        )

    def step(self, title: str, *, request: str = "") -> None:
        """A numbered heading, and the request behind it."""
        self._steps += 1
        self._console.print()
        self._console.print(Text.assemble((f"{self._steps}  ", "bold cyan"), (title, "bold")))
        if request:
            self._console.print(Text(f"   {request}", style="dim"))

    def line(self, text: str, *, style: str = "") -> None:
        self._console.print(Padding(Text(text, style=style), _INDENT, expand=False))

    def story(self, told: str) -> None:
        """A narrated call; what does not fit a line goes on below its beginning."""
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2, no_wrap=True)
        table.add_column()
        for line in told.splitlines():
            sign, _, rest = line.partition(" ")
            table.add_row(Text(sign), Text(rest.strip()))
        self._console.print(Padding(table, _INDENT, expand=False))

    def clock(self, moved: str, now: datetime) -> None:
        local = now.astimezone(_TAIPEI)
        self._console.print()
        self.line(f"⏩ 時鐘前移 the demo's clock is moved: {moved} → {local:%m/%d %H:%M}", style="magenta")

    def table(self, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(Padding(table, _INDENT, expand=False))

    def copyable(self, *lines: str) -> None:
        """Lines to be copied: never wrapped, nothing around them."""
        for line in lines:
            self._console.print(Text(line, style="green"), soft_wrap=True)


def local_time(moment: str) -> str:
    """A time of the interface, as people in Taiwan read it."""
    return f"{datetime.fromisoformat(moment).astimezone(_TAIPEI):%m/%d %H:%M}"
