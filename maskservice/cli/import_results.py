"""The results of an import: a CSV beside the orders, a line each, from which an interrupted import goes on.

Answers for: nothing that was answered being lost, whenever the import is killed. Must not know: where answers come
from.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

_HEADER: Final = ("line", "order_id", "status", "masked_number", "binding_id", "code", "detail")
_BOM: Final = "\ufeff"  # so that Excel reads it as UTF-8


@dataclass(frozen=True, slots=True)
class Result:
    """``status`` as the API gives it; ``masked_number`` and ``binding_id``, or ``code`` and ``detail``."""

    line: int
    order_id: str
    status: int
    masked_number: str = ""
    binding_id: str = ""
    code: str = ""
    detail: str = ""

    @property
    def is_bound(self) -> bool:
        return self.status < 400


def result_of(line: int, order_id: str, answer: Mapping[str, Any]) -> Result:
    """From a row of the batch's answer."""
    binding = answer.get("binding")
    if binding is not None:
        return Result(line, order_id, answer["status"], binding["masked_number"], binding["id"])
    problem = answer["problem"]
    faults = problem.get("errors", ())
    codes = " ".join(dict.fromkeys(fault["code"] for fault in faults)) or problem["code"]
    told = " ".join(f"{fault['pointer']}: {fault['detail']}" for fault in faults) or problem["detail"]
    return Result(line, order_id, answer["status"], code=codes, detail=told)


class ResultsFile:
    """Opens what an earlier run has left and keeps its bound lines; everything else is asked again.

    Each :meth:`add` is on the disk when it returns. The lines stand in the order of the answers until the block is left
    without an error: then they are sorted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.bound = {result.line: result for result in _read(path) if result.is_bound}
        self.results = dict(self.bound)

    def __enter__(self) -> Self:
        self._write_anew()
        self._file = self._path.open("a", encoding="utf-8", newline="")
        return self

    def add(self, results: Iterable[Result]) -> None:
        if self._file is None:
            raise RuntimeError("the results are not open")
        fresh = {result.line: result for result in results}
        self.results |= fresh
        self._file.write(_lines(fresh.values()))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None:
            self._write_anew()

    def _write_anew(self) -> None:
        """In one step: killed in the middle, the old file is still there."""
        fresh = self._path.with_name(self._path.name + ".new")
        ordered = [self.results[line] for line in sorted(self.results)]
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(_BOM + ",".join(_HEADER) + "\r\n" + _lines(ordered))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def _lines(results: Iterable[Result]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(astuple(result) for result in results)
    return text.getvalue()


def _read(path: Path) -> Iterable[Result]:
    if not path.exists():
        return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        # The last line may have been cut off: it has too few cells then, or no end.
        text = file.read()
    whole = text[: text.rfind("\n") + 1]
    for cells in csv.reader(io.StringIO(whole, newline="")):
        if len(cells) == len(_HEADER) and cells[0].isdecimal() and cells[2].isdecimal():
            yield Result(int(cells[0]), cells[1], int(cells[2]), *cells[3:])
