"""Stores: pushing, pulling and random reads of files, beside Arrow files of pyarrow alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from bench.timing import Row, compare, settings
from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.formats.files.replacing import sync_folder
from docarray.typing import NdArray

Vector = NdArray[32, 'float32']


class Photo(BaseDocument):
    title: str
    data: bytes


class Sample(BaseDocument):
    number: int
    data: bytes
    vector: Vector


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix='bench-') as folder:
        return [
            *whole_arrays(folder),
            *random_reads(folder),
            *random_reads_of_lance(folder),
            *object_service(folder),
        ]


def whole_arrays(folder: str) -> list[Row]:
    count = 200 if settings.quick else 4000
    rng = np.random.default_rng(0)
    photos = DocumentArray[Photo]([Photo(title=f'Photo {i}', data=rng.bytes(11_000)) for i in range(count)])
    url, path = f'file://{folder}/photos', Path(folder, 'photos.arrow')
    columns = photos.stack()
    table = photos.to_arrow()
    name = f'{count:,} documents with 11 kB'

    def write() -> None:
        """Write a file as anybody would who does not want to lose the old one."""
        part = path.with_suffix('.part')
        with open(part, 'wb') as file:
            with ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(folder)

    def write_rows() -> None:
        """The same of documents: the columns have to be made first."""
        nonlocal table
        table = pa.table(
            {
                'id': pa.array([photo.id for photo in photos], pa.large_string()),
                'title': pa.array([photo.title for photo in photos], pa.large_string()),
                'data': pa.array([photo.data for photo in photos], pa.large_binary()),
            }
        )
        write()

    def read() -> Any:
        with pa.OSFile(str(path)) as source:
            return ipc.open_file(source).read_all()

    def read_rows() -> Any:
        """The same, and the values of the documents that would be made of it."""
        return [column.to_pylist() for column in read().columns]

    def both(one: Callable[[], Any], other: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: (one(), other())

    rows_array, stacked = DocumentArray[Photo], DocumentArrayStacked[Photo]
    our_rows = both(lambda: photos.push(url), lambda: rows_array.pull(url))
    our_columns = both(lambda: columns.push(url), lambda: stacked.pull(url))
    our_rows()
    write()
    return [
        compare(f'{name}, rows pushed and pulled', our_rows, both(write_rows, read_rows), 1.25),
        compare(f'{name}, columns pushed and pulled', our_columns, both(write, read), 1.25),
    ]


def random_reads(folder: str) -> list[Row]:
    count, few = (5000 if settings.quick else 200_000), 32
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((count, 32)).astype(np.float32)
    url, path = f'file://{folder}/samples', Path(folder, 'samples.arrow')
    DocumentArray[Sample].push_stream(
        (Sample(number=i, data=rng.bytes(512), vector=vector) for i, vector in enumerate(vectors)), url
    )
    table = DocumentArrayStacked[Sample].pull(url).to_arrow().combine_chunks()
    with pa.OSFile(str(path), 'wb') as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)  # in one piece, in which pyarrow takes rows fastest
    mapped = ipc.open_file(pa.memory_map(str(path))).read_all()
    opened = DocumentArray[Sample].open(url)
    opened.take(None)  # each block is verified once

    def chosen() -> Any:
        return rng.integers(0, count, few)

    taken = opened.take(chosen())
    name = f'{few} of {count:,} documents'
    return [
        compare(
            f'{name}, random, as columns, beside take()',
            lambda: opened.take(chosen()),
            lambda: mapped.take(pa.array(chosen())).combine_chunks(),
            2.0,
        ),
        compare(f'{name}, made of columns, beside 5 us each', taken.unstack, _five_microseconds(few), 1.0),
    ]


def random_reads_of_lance(folder: str) -> list[Row]:
    """The same of a Lance dataset, whose own take() is the yardstick."""
    import lance

    count, few = (5000 if settings.quick else 200_000), 32
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((count, 32)).astype(np.float32)
    url = f'lance://{folder}/samples'
    DocumentArray[Sample].push_stream(
        (Sample(number=i, data=rng.bytes(512), vector=vector) for i, vector in enumerate(vectors)), url
    )
    opened, dataset = DocumentArray[Sample].open(url), lance.dataset(f'{folder}/samples.lance')

    def chosen() -> Any:
        return rng.integers(0, count, few)

    return [
        compare(
            f'{few} of {count:,} documents of Lance, random, as columns, beside take()',
            lambda: opened.take(chosen()),
            lambda: dataset.take(pa.array(chosen())),
            1.3,
            clock=perf_counter,
        )
    ]


def object_service(folder: str) -> list[Row]:
    """The same in S3, beside the client alone: bytes that are there already, and are not looked at."""
    import obstore

    from docarray.formats.files.arrow import array_batches, file_chunks
    from tests.servers import S3_ENVIRONMENT, s3_server

    count = 200 if settings.quick else 4000
    rng = np.random.default_rng(0)
    photos = DocumentArray[Photo]([Photo(title=f'Photo {i}', data=rng.bytes(50_000)) for i in range(count)])
    columns, data = photos.stack(), b''.join(file_chunks(array_batches(photos)))
    url, rows_array, stacked = 's3://bucket/photos', DocumentArray[Photo], DocumentArrayStacked[Photo]
    name = f'S3: {count * 50_000 / 1e6:,.0f} MB'
    with s3_server('localbucket', folder) as endpoint:
        os.environ.update(S3_ENVIRONMENT, AWS_ENDPOINT_URL=endpoint)
        client = obstore.store.from_url('s3://bucket', client_options={'allow_http': True})

        def bare() -> None:
            client.put('bare', data, chunk_size=16 << 20, max_concurrency=4)
            client.get('bare').bytes()

        def push_and_pull(array: Any, cls: Any) -> Callable[[], Any]:
            return lambda: (array.push(url), cls.pull(url))

        return [
            compare(
                f'{name}, rows pushed and pulled',
                push_and_pull(photos, rows_array),
                bare,
                1.25,
                clock=perf_counter,
            ),
            compare(
                f'{name}, columns pushed and pulled',
                push_and_pull(columns, stacked),
                bare,
                1.25,
                clock=perf_counter,
            ),
        ]


def _five_microseconds(count: int) -> Callable[[], None]:
    """Return a function that takes 5 microseconds of the processor for each of some documents."""
    from time import process_time_ns

    def wait() -> None:
        end = process_time_ns() + 5000 * count
        while process_time_ns() < end:
            pass

    return wait
