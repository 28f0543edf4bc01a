"""Damage messages at random and read them, for some time.

Each case is a number, from which everything about it follows; ``--case`` runs one again. A case passes if
reading gives documents or an error of docarray's, within the limits of time and memory. A worker process runs
the cases, so that crashes are noticed too; it writes the number of each before it begins with it.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Seconds that a case may take, on a slow machine too, and bytes that a worker may take beyond its start.
PATIENCE = 20
MEMORY = 1 << 30

#: So many different faults, and a worker gives up.
MOST_FAULTS = 20

ROOT = Path(__file__).parents[2]


def run_case(number: int, only: str = '') -> None:
    """Run one case; it raises what must not be raised."""
    from docarray.errors import DocArrayError
    from docarray.testing._formats.hostile import mutated
    from tests.fuzz.targets import corpus, targets

    source = random.Random(number)
    chosen = sorted(name for name in targets() if name.startswith(only))
    group = source.choice(sorted({name.split(':')[0] for name in chosen}))  # for there are many of some
    target = targets()[source.choice([name for name in chosen if name.split(':')[0] == group])]
    classes = [cls for cls in corpus() if target.messages(cls)]
    cls = source.choice(classes)
    messages = target.messages(cls)
    data = target.wrap(mutated(source.choice(messages), messages, source))
    if source.random() < 0.1:
        cls = source.choice(classes)
    try:
        target.read(data, cls)
    except DocArrayError:
        pass
    except Exception as error:
        error.add_note(f'{target.name}, read as {cls.__name__}: {data[:300]!r}')
        raise


def work(
    first: int, seconds: float, note: Path, only: str, case: Callable[[int, str], None] = run_case
) -> int:
    """Run cases from number ``first`` on until the time is up; return the number of faults."""
    warnings.simplefilter('ignore')
    faulthandler.enable()
    case(first, only)  # what is made once is no part of any case
    if Path('/proc/self/statm').exists():
        used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    found: dict[Any, int] = {}
    end, number = time.monotonic() + seconds, first
    while time.monotonic() < end and len(found) < MOST_FAULTS:
        note.write_text(str(number))
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            case(number, only)
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            if found.setdefault((type(error), where.filename, where.lineno), number) == number:
                traceback.print_exc(limit=-4)
                sys.stderr.write(f'{again(number, only)}\n')
        faulthandler.cancel_dump_traceback_later()
        number += 1
    sys.stderr.write(f'{number - first} cases from {first} on, {len(found)} faults\n')
    return len(found)


def again(number: int, only: str) -> str:
    return f'again: python -m tests.fuzz --case {number}' + (f' --only {only}' if only else '')


def fuzz(first: int, seconds: float, only: str = '') -> str:
    """Run a worker; return what went wrong, '' if nothing did."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder, 'case')
        note.write_text(str(first))
        command = [sys.executable, '-m', 'tests.fuzz', '--worker', str(note), '--first', str(first)]
        command += ['--seconds', str(seconds), *(['--only', only] if only else [])]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
            stderr=subprocess.PIPE,
            text=True,
            timeout=seconds + 300,
        )
        if done.returncode == 0:
            sys.stderr.write(done.stderr)
            return ''
        died = f'the worker died of {done.returncode}; ' if done.returncode != 1 else ''
        return f'{done.stderr}\n{died}last {again(int(note.read_text()), only)}'


def main() -> int:
    parser = argparse.ArgumentParser('python -m tests.fuzz', description=__doc__)
    parser.add_argument('--seconds', type=float, default=600)
    parser.add_argument('--first', type=int, default=None, help='number of the first case; else by the clock')
    parser.add_argument('--only', default='', help='only readers whose name starts so, such as rows:arrow')
    parser.add_argument('--case', type=int, help='run one case again')
    parser.add_argument('--worker', type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case is not None:
        run_case(given.case, given.only)
        return 0
    first = int(time.time()) * 1000 if given.first is None else given.first
    if given.worker:
        return 1 if work(first, given.seconds, given.worker, given.only) else 0
    problem = fuzz(first, given.seconds, given.only)
    sys.stderr.write(problem)
    return 1 if problem else 0


if __name__ == '__main__':
    sys.exit(main())
