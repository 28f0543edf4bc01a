"""The table: running the modules, and writing text, JSON and Markdown of the same rows."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.timing import Row, settings

#: In the order of the table. Each has ``rows()``, which returns (name, ours, yardstick, bar) for each line.
MODULES = (
    'imports',
    'create',
    'tensors',
    'stack',
    'views',
    'dataset',
    'search',
    'json',
    'slicing',
    'pickling',
    'sending',
    'store',
    'peer',
    'memory',
    'linear',
)
PACKAGES = (
    'docarray',
    'pydantic',
    'pydantic-core',
    'numpy',
    'torch',
    'tensorflow',
    'tensorflow-cpu',
    'jax',
    'orjson',
    'protobuf',
    'pyarrow',
    'pandas',
)
RESULTS = Path(__file__).parent / 'results'
HEAD = ('workload', 'ours', 'yardstick', 'ratio', 'at most', '')


def run(names: Sequence[str]) -> list[tuple[str, Row]]:
    """Run the modules of these names; return (module, row) of all of them."""
    found = []
    for name in names:
        start = perf_counter()
        made = [Row(*row) for row in importlib.import_module(f'bench.{name}').rows()]
        found += [(name, row) for row in made]
        print(f'{name}: {len(made)} rows in {perf_counter() - start:.0f} s', file=sys.stderr)
    return found


def amount(value: float, unit: str) -> str:
    """Return a value with its unit: 1.25 us, 136.0 MB, 3."""
    if unit == 'count':
        return f'{value:g}'
    if unit == 'B':
        return f'{value / 1e6:.1f} MB'
    for factor, name in ((1, 's'), (1e3, 'ms'), (1e6, 'us')):
        if abs(value) * factor >= 1:
            return f'{value * factor:.2f} {name}'
    return f'{value * 1e9:.0f} ns'


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, in the columns of ``HEAD``; a row over its bar ends in RED."""
    if row.unit == 'beyond':
        figure, bar = ('+' + amount(value, 's') for value in (row.figure, row.bar))
    elif row.unit == 'count':
        figure, bar = '', amount(row.bar, 'count')
    else:
        figure, bar = f'{row.figure:.2f} x', f'{row.bar:g} x' if isfinite(row.bar) else ''
    yardstick = '' if row.unit == 'count' else amount(row.yardstick, row.unit)
    return row.name, amount(row.ours, row.unit), yardstick, figure, bar, 'ok' if row.ok else 'RED'


def as_text(rows: Iterable[Row]) -> str:
    """Return the table as lines of text."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if place in (0, 5) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_markdown(rows: Iterable[Row], facts: dict[str, Any]) -> str:
    """Return the table and the facts as Markdown."""
    lines = [HEAD, ('---', '---:', '---:', '---:', '---:', '---'), *map(cells, rows)]
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    packages = ', '.join(f'{name} {number}' for name, number in facts['packages'].items())
    return (
        '# Benchmarks\n\nMade by `python -m bench`; `bench/README.md` says what is measured against what.\n\n'
        f'Python {facts["python"]} on {facts["platform"]}, {facts["cores"]} cores, '
        f'{facts["threads"]} compute thread. {packages}.\n\n{table}\n'
    )


def environment() -> dict[str, Any]:
    """Return what the figures depend on, apart from the machine itself."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        'python': platform.python_version(),
        'platform': f'{platform.system()} {platform.machine()}',
        'cores': os.cpu_count(),
        'threads': 1,
        'packages': packages,
    }


def write(rows: Sequence[tuple[str, Row]]) -> None:
    """Write latest.json and latest.md."""
    facts = environment()
    table = [
        {
            'module': name,
            **row._asdict(),
            'bar': row.bar if isfinite(row.bar) else None,
            'figure': row.figure,
            'ok': row.ok,
        }
        for name, row in rows
    ]
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({'environment': facts, 'rows': table}, indent=1, allow_nan=False)
    (RESULTS / 'latest.json').write_text(text + '\n', encoding='utf-8')
    (RESULTS / 'latest.md').write_text(as_markdown([row for _, row in rows], facts), encoding='utf-8')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser('bench', description='docarray against the plain code it stands for')
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'all of: {", ".join(MODULES)}')
    parser.add_argument('--quick', action='store_true', help='few rounds: does it run?')
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(MODULES)
    if unknown:
        parser.error(f'no such benchmark: {", ".join(sorted(unknown))}; there are {", ".join(MODULES)}')
    if options.quick:
        settings.hurry()
    import torch

    torch.set_num_threads(1)
    rows = run(options.names or MODULES)
    print(as_text(row for _, row in rows))
    red = sum(not row.ok for _, row in rows)
    print(f'{len(rows)} rows, {red} RED')
    if not options.names and not options.quick:
        write(rows)
    return 0
