"""Arrays of documents in the libraries that speak Arrow, and back: each with the library itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import ImageDoc
from docarray.typing import ImageUrl, NdArray

pa = pytest.importorskip('pyarrow')


class Page(BaseDocument):
    title: str
    number: int
    score: float | None
    url: ImageUrl
    tags: list[str]
    embedding: NdArray[3, np.float32]
    image: ImageDoc | None


def make(i: int) -> Page:
    return Page(
        title=f'Page {i}',
        number=i,
        score=None if i % 2 else i / 2,
        url=f'https://example.com/{i}.png',
        tags=['a', 'b'][: i % 3],
        embedding=np.full(3, i, np.float32),
        image=ImageDoc(tensor=np.full((2, 2, 3), i, np.uint8)),
    )


Rows: Any = DocumentArray[Page]
Columns: Any = DocumentArrayStacked[Page]


@pytest.fixture
def array() -> Any:
    return Rows(map(make, range(6)))


def back(table: Any) -> Any:
    """Read a table into rows and columns, which have to be the same; ids and all."""
    rows = Rows.from_arrow(table)
    assert Columns.from_arrow(table).unstack() == rows
    return rows


def check(got: Any, wanted: Any) -> None:
    assert got == wanted
    assert got.id == wanted.id
    assert got.embedding[0].dtype == np.float32
    assert got.image.tensor[0].dtype == np.uint8


def check_flat(got: Any, wanted: Any) -> None:
    """As ``check``, for libraries that forget the shape of tensors of several axes: only numbers are left."""
    assert (got.id, got.title, got.number, got.tags) == (wanted.id, wanted.title, wanted.number, wanted.tags)
    assert (got.score, got.url, got.image.id) == (wanted.score, wanted.url, wanted.image.id)
    assert [vector.tolist() for vector in got.embedding] == [vector.tolist() for vector in wanted.embedding]
    for mine, theirs in zip(got.image.tensor, wanted.image.tensor, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tolist() == theirs.ravel().tolist()


def test_pyarrow(array: Any) -> None:
    assert pa.table(array.stack()).equals(array.to_arrow())
    assert pa.RecordBatchReader.from_stream(array).read_all().equals(array.to_arrow())
    assert pa.schema(array).equals(array.to_arrow().schema)
    assert pa.schema(array.stack()).equals(array.to_arrow().schema)
    check(back(pa.table(array.stack())), array)
    tensors = array.to_arrow()['embedding'].combine_chunks().to_numpy_ndarray()
    assert np.array_equal(tensors, np.stack(array.embedding))


def test_polars(array: Any) -> None:
    polars = pytest.importorskip('polars')
    frame = polars.DataFrame(array.stack())
    assert frame.filter(polars.col('number') > 3)['title'].to_list() == ['Page 4', 'Page 5']
    check(back(frame), array)
    check(back(polars.DataFrame(array.to_arrow())), array)
    check(back(frame.filter(polars.col('number') > 3)), array[4:])


def test_duckdb(array: Any) -> None:
    duckdb = pytest.importorskip('duckdb')
    pages = array.stack()
    assert len(pages) == 6  # DuckDB finds the variable by its name
    found = duckdb.sql('select title, number from pages where number >= 4 order by number desc')
    assert found.fetchall() == [('Page 5', 5), ('Page 4', 4)]
    check_flat(back(duckdb.from_arrow(array.to_arrow())), array)
    check_flat(back(duckdb.sql('select * from pages where number > 3').to_arrow_table()), array[4:])


def test_pandas(array: Any) -> None:
    pandas = pytest.importorskip('pandas', '3')
    frame = pandas.DataFrame.from_arrow(array.stack())
    assert frame['title'].tolist() == [f'Page {i}' for i in range(6)]
    plain = frame[['id', 'title', 'number', 'score', 'url', 'tags']]
    rows = Rows.from_arrow(frame)
    assert (rows.title, rows.tags, rows.id) == (array.title, array.tags, array.id)
    assert [vector.tolist() for vector in rows.embedding] == [[i] * 3 for i in range(6)]
    assert len(plain) == 6


def test_datasets(array: Any) -> None:
    datasets = pytest.importorskip('datasets')
    from docarray.formats.arrow import plain_table

    dataset = datasets.Dataset(plain_table(array))
    assert dataset[2]['embedding'] == [2, 2, 2]
    assert np.array(dataset[2]['image']['tensor']).shape == (2, 2, 3)
    check(back(dataset.data.table), array)
    check(back(dataset.filter(lambda page: page['number'] > 3).with_format('arrow')[:]), array[4:])


def test_lance(array: Any, tmp_path: Path) -> None:
    lance = pytest.importorskip('lance')
    dataset = lance.write_dataset(array.to_arrow(), str(tmp_path / 'pages.lance'))
    check(back(dataset.to_table()), array)
    again = lance.write_dataset(
        pa.RecordBatchReader.from_stream(array), str(tmp_path / 'more.lance'), mode='overwrite'
    )
    check(back(again.to_table(filter='number >= 2')), array[2:])
    found = dataset.to_table(nearest={'column': 'embedding', 'q': np.full(3, 4, np.float32), 'k': 1})
    assert found['title'].to_pylist() == ['Page 4']


@pytest.mark.filterwarnings('ignore')
def test_daft(array: Any) -> None:
    daft = pytest.importorskip('daft')
    for source in (array, array.stack()):
        frame = daft.from_arrow(source)
        found = frame.where(daft.col('number') > 3).select('title').to_pydict()
        assert found == {'title': ['Page 4', 'Page 5']}
    check_flat(back(frame.to_arrow()), array)


@pytest.mark.slow
def test_ray() -> None:
    pytest.importorskip('ray')
    code = """
        import ray
        from tests.unit.test_arrow_libraries import Rows, make

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
        array = Rows(map(make, range(6)))
        dataset = ray.data.from_arrow(array.to_arrow())
        assert dataset.count() == 6
        (table,) = ray.get(dataset.to_arrow_refs())
        rows = Rows.from_arrow(table)
        assert rows == array and rows.id == array.id
        print('done')
    """
    made = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={'PYTHONPATH': ':'.join(sys.path), 'RAY_ENABLE_UV_RUN_RUNTIME_ENV': '0', 'PATH': '/usr/bin:/bin'},
    )
    assert made.stdout.endswith('done\n'), made.stdout[-500:] + made.stderr[-2000:]
