"""Memory of a million stacked documents against that of the raw columns, and of streams through a store.

All is measured in fresh processes.

What is counted: the growth of the process's resident memory from after the imports (and one document, so
that validators are compiled) to when nothing but the columns is alive. What the allocator keeps of
the documents that the columns were made from counts against docarray.
"""

from __future__ import annotations

import os
import tempfile
from statistics import median

from bench.timing import Row, child, settings

RESIDENT = """
import gc, os, sys
import numpy as np

def resident():
    gc.collect()
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

count = int(sys.argv[1])
"""
OURS = """
from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked
from docarray.batch import Batch
from docarray.typing import NdArray

class Page(globals()[sys.argv[2]]):
    number: int
    word: str
    vector: NdArray[16]

def pages(start, stop):
    vectors = np.full((stop - start, 16), 0.5, np.float32)
    return DocumentArray[Page](
        [Page(number=i, word=f'word {i}', vector=vectors[i - start]) for i in range(start, stop)]
    ).stack()

pages(0, 1)
before = resident()
stacked = DocumentArrayStacked[Page].construct(
    Batch.concat([pages(start, min(count, start + 20_000)).batch for start in range(0, count, 20_000)])
)
assert len(stacked) == count and stacked[count - 1].word == f'word {count - 1}'
print(resident() - before)
"""
RAW = """
before = resident()
columns = {
    'number': np.arange(count),
    'word': [f'word {i}' for i in range(count)],
    'vector': np.full((count, 16), 0.5, np.float32),
}
print(resident() - before)
"""

STREAM = """
import sys
from docarray import BaseDocument, DocumentArray

class Photo(BaseDocument):
    number: int
    data: bytes

count, data, url = int(sys.argv[1]), bytes(1 << 20), sys.argv[2]
DocumentArray[Photo].push_stream((Photo(number=i, data=data) for i in range(count)), url)
assert sum(photo.number for photo in DocumentArray[Photo].pull_stream(url)) == count * (count - 1) // 2
with open('/proc/self/status') as file:  # what getrusage says starts with the memory of the parent
    print(next(int(line.split()[1]) for line in file if line.startswith('VmHWM')) / 1024)
"""


def streams() -> list[Row]:
    """Streams of documents of a megabyte: through a file, S3 and Lance."""
    from tests.servers import S3_ENVIRONMENT, s3_server

    large, medium = ('64', '64') if settings.quick else ('5120', '1024')
    with tempfile.TemporaryDirectory(prefix='bench-') as folder, s3_server('localbucket', folder) as endpoint:
        os.environ.update(S3_ENVIRONMENT, AWS_ENDPOINT_URL=endpoint)
        places = (
            (large, f'file://{folder}/photos'),
            (medium, 's3://bucket/photos'),
            (medium, f'lance://{folder}/photos'),
        )
        return [
            Row(
                f'MB of memory at most, of {int(megabytes):,} MB of documents streamed to '
                f'{url.split(":")[0]}:// and back',
                float(child(STREAM, megabytes, url)),
                0,
                500,
                'count',
            )
            for megabytes, url in places
        ]


def rows() -> list[Row]:
    if not os.path.exists('/proc/self/statm'):
        return []
    count = '20000' if settings.quick else '1000000'
    turns = range(1 if settings.quick else 3)
    raw = median(float(child(RESIDENT + RAW, count)) for _ in turns)
    return [
        *streams(),
        *(
            Row(
                f'memory of {int(count):,} stacked documents: int, short text, 16 f32{extra}',
                float(child(RESIDENT + OURS, count, base)),
                raw,
                1.5,
                'B',
            )
            for base, extra in (
                ('BaseDocumentWithoutId', ''),
                ('BaseDocument', '; and an id, which raw has not'),
            )
        ),
    ]
