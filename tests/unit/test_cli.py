from __future__ import annotations

import subprocess
import sys

import pytest

import docarray
from docarray.cli import main


def test_no_command_is_answered_by_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert 'demo' in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='^0$'):
        main(['--version'])
    assert capsys.readouterr().out.strip() == docarray.__version__


@pytest.mark.parametrize('missing', ['torch', 'sklearn'])
def test_the_demo_says_what_to_install(missing: str) -> None:
    code = (
        f'import sys; sys.modules[{missing!r}] = None\n'
        f'from docarray.cli import main; sys.exit(main(["demo", "--epochs", "1", "--out", "/no/such/file"]))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'docarray[demo]'" in done.stderr
    assert 'Traceback' not in done.stderr
