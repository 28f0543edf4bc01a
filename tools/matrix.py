"""Runs the tests that need no framework on every CPython found and on the oldest and newest dependencies.

And those of protobuf on each major version of it, and those of Arrow on the oldest and newest pyarrow.

Each environment lives in ``.venv-matrix`` and is made again when pyproject.toml or constraints.txt
changes; ``--fresh`` makes all of them again, to meet releases of today. Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / '.venv-matrix'
#: Python version, and whether each dependency is the newest or the floor that pyproject.toml states, or
#: which are neither.
CELLS = [
    ('3.10', 'newest'),
    ('3.11', 'oldest'),
    ('3.11', 'pydantic==2.12.0'),
    ('3.11', 'newest'),
    ('3.12', 'newest'),
    ('3.13', 'newest'),
    ('3.14', 'newest'),
    *(('3.11', f'protobuf=={version}.*') for version in ('3.20', '4.21', '4.25', '5', '6', '7')),
    ('3.10', 'pyarrow==15.* numpy<2'),  # which that was made for
    ('3.13', 'pyarrow>=25'),
    ('3.10', 'obstore==0.11.1 pyarrow localbucket'),
]
#: The tests that a cell of one library runs; the others run all.
TESTS = {
    'obstore': ('test_*store*.py',),
    'protobuf': ('test_*proto*.py',),
    'pyarrow': ('test_*arrow*.py', 'test_*store*.py'),
}
#: What the tests need beside the dependencies: those of one library, and all.
NEEDS = ['ml_dtypes']
ALL_NEED = [*NEEDS, 'fastapi', 'httpx', 'lz4', 'protobuf', 'backports.zstd; python_version < "3.14"']
TOOLS = ('pytest', 'pytest-timeout', 'hypothesis')
SHOWN = ('pydantic', 'numpy', 'protobuf', 'pyarrow', 'obstore')
LIMIT_S = 900


def find_python(version: str) -> str | None:
    """A CPython of this version: on the path, or among pyenv's."""
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
    installed = sorted(pyenv.glob(f'versions/{version}.*/bin/python'), reverse=True)
    for candidate in (sys.executable, shutil.which(f'python{version}'), *map(str, installed)):
        if candidate is None:
            continue
        code = 'import sys; print(sys.implementation.name, "%d.%d" % sys.version_info[:2])'
        done = subprocess.run([candidate, '-c', code], capture_output=True, text=True)
        if done.stdout.split() == ['cpython', version]:
            return candidate
    return None


def requirements(age: str) -> list[str]:
    """The dependencies of pyproject.toml as they stand or at their floors, and what the tests need."""
    text = (ROOT / 'pyproject.toml').read_text(encoding='utf-8')
    block = re.search(r'^dependencies = \[(.*?)^\]', text, re.DOTALL | re.MULTILINE)
    if block is None:
        raise SystemExit('pyproject.toml: no list of dependencies')
    wanted: list[str] = re.findall(r'"([^"]+)"', block[1])
    if age == 'oldest':
        wanted = [line.replace('>=', '==') for line in wanted]
    elif age != 'newest':
        wanted += age.split()
    pins = (ROOT / 'constraints.txt').read_text(encoding='utf-8').splitlines()
    wanted += NEEDS if library(age) in TESTS else ALL_NEED
    return wanted + [line for line in pins if line.partition('==')[0] in TOOLS]


def library(age: str) -> str:
    """The library that a cell is about, if it is about one."""
    return re.split('[<=>]', age)[0]


def tests(age: str) -> list[str]:
    """What a cell runs: pytest takes no path for all tests."""
    found = sorted(path for one in TESTS.get(library(age), ()) for path in ROOT.glob(f'tests/*/{one}'))
    return [str(path.relative_to(ROOT)) for path in found]


def environment(python: str, name: str, wanted: list[str]) -> Path:
    """The interpreter of an environment that holds just ``wanted`` and this checkout."""
    venv, mark = HOME / name, HOME / name / '.ready'
    key = hashlib.sha256('\n'.join([python, *wanted]).encode()).hexdigest()
    inner = venv / 'bin' / 'python'
    if mark.exists() and mark.read_text(encoding='utf-8') == key:
        return inner
    subprocess.run([python, '-m', 'venv', '--clear', str(venv)], check=True)
    for arguments in (wanted, ['--no-deps', '--editable', str(ROOT)]):
        command = [str(inner), '-m', 'pip', 'install', '-qq', *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise OSError(f'pip failed: {done.stderr.strip().splitlines()[-1]}')
    mark.write_text(key, encoding='utf-8')
    return inner


def versions(inner: Path) -> list[str]:
    code = 'from importlib.metadata import distributions as found; import json;'
    code += 'print(json.dumps({one.name: one.version for one in found()}))'
    done = subprocess.run([str(inner), '-c', code], capture_output=True, text=True, check=True)
    installed = json.loads(done.stdout)
    return [installed.get(name, '-') for name in SHOWN]


def run_tests(inner: Path, name: str, extra: list[str]) -> tuple[dict[str, int], str]:
    """What became of the tests, and what pytest printed."""
    report, log = HOME / f'{name}.xml', HOME / f'{name}.log'
    report.unlink(missing_ok=True)
    # no cache provider and own hypothesis storage: runs of several versions must not mix
    command = [str(inner), '-m', 'pytest', '-q', '-m', 'not repository', '-p', 'no:cacheprovider']
    command += [f'--session-timeout={LIMIT_S}', f'--junitxml={report}', *extra]
    env = {
        **os.environ,
        'PYTHONDONTWRITEBYTECODE': '1',
        'HYPOTHESIS_STORAGE_DIRECTORY': str(HOME / 'hypothesis'),
    }
    with log.open('w', encoding='utf-8') as out:
        code = subprocess.run(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT).returncode
    text = log.read_text(encoding='utf-8')
    if not report.exists():
        return {'failed': 1}, text
    suite = next(ElementTree.parse(report).iter('testsuite')).attrib  # written by pytest just now
    failed = int(suite['failures']) + int(suite['errors'])
    if not failed and code not in (0, 5):  # 5: nothing was collected
        failed = 1
    skipped = int(suite['skipped'])
    counts = {'passed': int(suite['tests']) - failed - skipped, 'failed': failed, 'skipped': skipped}
    return counts, text


def run_cell(version: str, age: str, pytest_args: list[str]) -> tuple[list[str], str]:
    """A row of the table, and what to show of a cell that failed."""
    name, began = f'{version}-{age.split()[0]}'.removesuffix('.*'), time.monotonic()
    python = find_python(version)
    if python is None:
        return [version, age, *('-' * len(SHOWN)), 'no such Python here', '', '', ''], ''
    try:
        inner = environment(python, name, requirements(age))
    except OSError as error:
        return [version, age, *('-' * len(SHOWN)), 'not installed', '', '', ''], f'--- {name}\n{error}'
    counts, text = run_tests(inner, name, [*tests(age), *pytest_args])
    figures = [str(counts.get(key, 0)) for key in ('passed', 'failed', 'skipped')]
    row = [version, age, *versions(inner), *figures, f'{time.monotonic() - began:.0f}']
    good = counts.get('passed') and not counts['failed']
    return row, '' if good else f'--- {name}\n' + '\n'.join(text.splitlines()[-40:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--fresh', action='store_true', help='make every environment again')
    parser.add_argument('pytest_args', nargs='*', help='passed on to pytest, after --')
    chosen = parser.parse_args()
    if chosen.fresh:
        shutil.rmtree(HOME, ignore_errors=True)
    done = [run_cell(version, age, chosen.pytest_args) for version, age in CELLS]
    logs = [log for _, log in done if log]
    for log in logs:
        print(log)
    print_table([['Python', 'set', *SHOWN, 'passed', 'failed', 'skipped', 's'], *(row for row, _ in done)])
    return 1 if logs else 0


def print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == '__main__':
    sys.exit(main())
