"""The benchmarks: they import, run, compare the same work, and say RED where a bar is missed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

pytest.importorskip('torch')

from bench import report, timing
from bench.timing import Row, compare, settings

ROOT = Path(report.__file__).parent


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, 'seconds', 0.0)
    monkeypatch.setattr(settings, 'least', 1)
    monkeypatch.setattr(settings, 'quick', True)


def test_the_table_lists_every_module() -> None:
    others = {'__init__', '__main__', 'report', 'timing'}
    assert {path.stem for path in ROOT.glob('*.py')} - others == set(report.MODULES)


@pytest.mark.parametrize('name', report.MODULES)
def test_every_module_imports_and_offers_rows(name: str) -> None:
    assert callable(importlib.import_module(f'bench.{name}').rows)


@pytest.mark.parametrize('name', ['create', 'tensors', 'views', 'slicing', 'pickling', 'search'])
def test_cheap_modules_measure_both_sides(name: str, quick: None) -> None:
    rows = [row for _, row in report.run([name])]
    assert rows
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.ours > 0 and row.yardstick > 0 and row.bar > 0 for row in rows)


def test_interleave_gives_the_time_of_one_call_of_each(quick: None) -> None:
    ours, yardstick = timing.interleave('sum(values)', 'sum(values[:10])', names={'values': [1] * 20_000})
    assert 0 < yardstick < ours < 1


def test_compare_calls_both_equally_often(quick: None) -> None:
    calls = {'ours': 0, 'yardstick': 0}

    def count(side: str) -> None:
        calls[side] += 1

    row = compare('x', lambda: count('ours'), lambda: count('yardstick'), 1.5, rounds=3)
    assert calls['ours'] == calls['yardstick'] > 1
    assert row.bar == 1.5


@pytest.mark.parametrize(
    ('row', 'wanted'),
    [
        (Row('x', 1.5, 1.0, 1.5), 'ok'),
        (Row('x', 1.51, 1.0, 1.5), 'RED'),
        (Row('x', 1.9e-6, 1e-6, 1e-6, 'beyond'), 'ok'),
        (Row('x', 2.1e-6, 1e-6, 1e-6, 'beyond'), 'RED'),
        (Row('x', 150e6, 100e6, 1.5, 'B'), 'ok'),
        (Row('x', 151e6, 100e6, 1.5, 'B'), 'RED'),
        (Row('x', 0, 0, 0, 'count'), 'ok'),
        (Row('x', 1, 0, 0, 'count'), 'RED'),
    ],
)
def test_a_row_over_its_bar_is_red(row: Row, wanted: str) -> None:
    assert row.ok is (wanted == 'ok')
    assert report.as_text([row]).splitlines()[1].split()[-1] == wanted
    facts = report.environment()
    assert report.as_markdown([row], facts).splitlines()[-1].endswith(f'| {wanted} |')


def test_cells_have_units() -> None:
    assert report.cells(Row('a', 2.5e-6, 1e-3, 2.0)) == ('a', '2.50 us', '1.00 ms', '0.00 x', '2 x', 'ok')
    assert report.cells(Row('b', 4e-7, 1e-7, 1e-6, 'beyond'))[3:] == ('+300 ns', '+1.00 us', 'ok')
    assert report.cells(Row('c', 2e6, 1e6, 1.5, 'B'))[1:4] == ('2.0 MB', '1.0 MB', '2.00 x')


def test_results_name_versions_and_no_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, 'RESULTS', tmp_path)
    report.write([('create', Row('x', 3.0, 1.0, 2.0)), ('dataset', Row('no bar', 3.0, 1.0, float('inf')))])
    written = json.loads((tmp_path / 'latest.json').read_text())
    assert set(written['environment']) == {'python', 'platform', 'cores', 'threads', 'packages'}
    assert {'pydantic', 'numpy', 'torch'} <= set(written['environment']['packages'])
    wanted = {
        'module': 'create',
        'name': 'x',
        'ours': 3.0,
        'yardstick': 1.0,
        'bar': 2.0,
        'unit': 's',
        'figure': 3.0,
        'ok': False,
    }
    assert written['rows'][0] == wanted
    assert (written['rows'][1]['bar'], written['rows'][1]['ok']) == (None, True)
    assert '| x | 3.00 s | 1.00 s | 3.00 x | 2 x | RED |' in (tmp_path / 'latest.md').read_text()


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        report.main(['nothing'])
    assert 'no such benchmark: nothing' in capsys.readouterr().err
