"""Damaged messages are read for DOCARRAY_FUZZ_SECONDS; `make fuzz` does so for longer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('resource')  # which limits memory
for module in ('google.protobuf', 'pyarrow'):
    pytest.importorskip(module)
if sys.version_info < (3, 11):
    pytest.skip('notes on errors need Python 3.11', allow_module_level=True)

from tests.fuzz.__main__ import fuzz  # noqa: E402 - it needs all of the above

SECONDS = float(os.environ.get('DOCARRAY_FUZZ_SECONDS', '30'))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 300)
def test_damaged_messages_are_refused_or_read() -> None:
    problem = fuzz(int(time.time()) * 1000, SECONDS)
    assert not problem, problem


FAULTS = {
    'raise KeyError(number)': 'KeyError: 3',
    'bytearray(8 << 30)': 'MemoryError',
    'ctypes.string_at(0)': 'Segmentation fault',
    'time.sleep(60)': 'Timeout',
}


@pytest.mark.parametrize('fault', FAULTS)
def test_faults_are_noticed(fault: str, tmp_path: Path) -> None:
    note = tmp_path / 'case'
    code = (
        'import ctypes, sys, time\n'
        'from pathlib import Path\n'
        'from tests.fuzz import __main__ as fuzz\n'
        'fuzz.PATIENCE = 1\n'
        'def case(number, only):\n'
        f'    if number == 3: {fault}\n'
        '    time.sleep(0.01)\n'
        f'sys.exit(fuzz.work(0, 0.5, Path({str(note)!r}), "", case))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert FAULTS[fault] in done.stderr
    assert '--case 3' in done.stderr or note.read_text() == '3'


def test_a_worker_without_faults_says_so() -> None:
    assert fuzz(0, 0.5, 'rows:protobuf-array') == ''
