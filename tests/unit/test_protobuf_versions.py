"""The protobuf tests on the oldest protobuf that docarray takes; the tests themselves run on the newest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import matrix

pytest.importorskip('google.protobuf')

OLDEST = 'protobuf==3.20.*'


def environment() -> Path:
    """The interpreter of an environment with the oldest protobuf, made once."""
    python = matrix.find_python('3.11') or sys.executable
    try:
        return matrix.environment(python, 'tests-protobuf-3.20', matrix.requirements(OLDEST))
    except OSError:
        probe = [python, '-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--no-deps', 'iniconfig']
        if subprocess.run(probe, capture_output=True, timeout=120).returncode:
            pytest.skip('pip reaches no registry from here')
        raise


@pytest.mark.slow
@pytest.mark.repository  # `make matrix` has environments for all versions of protobuf
@pytest.mark.timeout(900)
def test_protobuf_3_20() -> None:
    inner = environment()
    assert dict(zip(matrix.SHOWN, matrix.versions(inner), strict=True))['protobuf'].startswith('3.20.')
    counts, text = matrix.run_tests(inner, 'tests-protobuf-3.20', matrix.tests(OLDEST))
    assert not counts['failed'], text[-4000:]
    assert counts['passed'] > 50
