"""Rows of the table, and how two pieces of code are timed against each other."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import median
from time import perf_counter, process_time
from timeit import Timer
from typing import Any, NamedTuple

Statement = str | Callable[[], Any]


@dataclass
class Settings:
    """How much is measured. Quick runs show that everything works; their figures mean little.

    Attributes:
        quick: Few rounds, small inputs where that is possible.
        seconds: For how long one row goes on, once it has a few rounds.
        least: How many rounds there are at least.
    """

    quick: bool = False
    seconds: float = 2.0
    least: int = 7

    def hurry(self) -> None:
        self.quick, self.seconds, self.least = True, 0.05, 2


settings = Settings()


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        name: The workload.
        ours: What docarray takes: seconds (or bytes, or a count), a median.
        yardstick: What the plain code takes.
        bar: The most that ``ours / yardstick`` may be; for 'beyond' the most that the difference may be, in
            seconds; for 'count' the most that ``ours`` may be.
        unit: 's' and 'B' are ratios of seconds and of bytes, 'beyond' is a difference, 'count' a number.
    """

    name: str
    ours: float
    yardstick: float
    bar: float
    unit: str = 's'

    @property
    def figure(self) -> float:
        """What the bar is for."""
        if self.unit == 'count':
            return self.ours
        return self.ours - self.yardstick if self.unit == 'beyond' else self.ours / self.yardstick

    @property
    def ok(self) -> bool:
        return self.figure <= self.bar


def interleave(
    ours: Statement,
    yardstick: Statement,
    rounds: int = 200,
    names: dict[str, Any] | None = None,
    clock: Callable[[], float] = process_time,
) -> tuple[float, float]:
    """Time two statements alternately in this process; return the median seconds of one call of each.

    The seconds are those of the processor, all threads together, if no other clock is named: what else runs
    on the machine does not count, and a second thread is no advantage.
    Short statements run many times in a round, both equally often. The collector runs before each
    round and not within it, for both alike. Rounds end early when ``settings.seconds`` are over.

    Args:
        ours: A function without arguments; or source text, which has no call around it.
        yardstick: The same work in plain code.
        rounds: How many rounds at most.
        names: The globals of source text.
        clock: What seconds are read from.
    """
    pair = Timer(ours, timer=clock, globals=names), Timer(yardstick, timer=clock, globals=names)
    for timer in pair:
        timer.timeit(1)  # compiles validators, fills caches, touches memory
    slower = max(timer.timeit(1) for timer in pair)
    number = max(1, min(100_000, int(0.002 / max(slower, 1e-8))))
    times: tuple[list[float], list[float]] = ([], [])
    start = perf_counter()
    for turn in range(rounds):
        gc.collect(0 if number > 1 else 2)
        for which in (0, 1) if turn % 2 else (1, 0):
            times[which].append(pair[which].timeit(number) / number)  # timeit pauses the collector
        if turn + 1 >= settings.least and perf_counter() - start > settings.seconds:
            break
    return median(times[0]), median(times[1])


def compare(
    name: str,
    ours: Statement,
    yardstick: Statement,
    bar: float,
    *,
    unit: str = 's',
    rounds: int = 200,
    names: dict[str, Any] | None = None,
    clock: Callable[[], float] = process_time,
) -> Row:
    """Return the row of two statements timed alternately."""
    return Row(name, *interleave(ours, yardstick, rounds, names, clock), bar, unit)


def child(code: str, *arguments: str) -> str:
    """Run code in a fresh Python process and return what it prints.

    Compiled modules are kept for later children, as an installed package has them, whatever the
    environment says and wherever docarray is imported from.
    """
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'}
    environment['PYTHONPYCACHEPREFIX'] = _cache().name
    done = subprocess.run(
        [sys.executable, '-c', code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment,
    )
    return done.stdout.strip()


@cache
def _cache() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix='bench-')
