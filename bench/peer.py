"""Protobuf of rows, and stores, beside docarray 0.41, which has an environment of its own with numpy 1.26.

The environment is made at the first run, in ``.venv-peer``. The same programs run in turn in this
environment and in that one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.timing import Row, settings

HOME = Path(__file__).resolve().parents[1] / '.venv-peer'
PACKAGES = ('docarray==0.41.0', 'numpy==1.26.4', 'protobuf>=5,<8', 'pydantic>=2.10', 'orjson>=3.10')

PROGRAM = """
import gc, json, sys
from time import process_time
import numpy as np
from docarray import BaseDoc, DocList
from docarray.typing import NdArray

class Page(BaseDoc):
    title: str
    number: int
    score: float
    shown: bool
    kind: str
    embedding: NdArray[128]

count = int(sys.argv[1])
vectors = np.random.default_rng(0).standard_normal((count, 128)).astype(np.float32)
array = DocList[Page]([
    Page(title=f'Page {i}', number=i, score=i / 7, shown=i % 2 == 0, kind='a', embedding=vector)
    for i, vector in enumerate(vectors)
])
data = array.to_bytes(protocol='protobuf-array')
assert DocList[Page].from_bytes(data, protocol='protobuf-array').title == array.title
gc.disable()
found = []
for _ in range(3):
    start = process_time()
    array.to_bytes(protocol='protobuf-array')
    middle = process_time()
    DocList[Page].from_bytes(data, protocol='protobuf-array')
    found.append((middle - start, process_time() - middle))
print(json.dumps(found))
"""

STORES = """
import gc, json, sys, tempfile
from time import process_time
import numpy as np
from docarray import BaseDoc, DocList

class Photo(BaseDoc):
    title: str
    data: bytes

rng = np.random.default_rng(0)
photos = DocList[Photo]([Photo(title=f'Photo {i}', data=rng.bytes(11_000)) for i in range(int(sys.argv[1]))])
found = []
with tempfile.TemporaryDirectory() as folder:
    url = f'file://{folder}/photos'
    photos.push(url)
    assert DocList[Photo].pull(url, local_cache=False).title == photos.title
    gc.disable()
    for _ in range(3):
        start = process_time()
        photos.push(url)
        DocList[Photo].pull(url, local_cache=False)
        found.append([process_time() - start])
print(json.dumps(found))
"""


def rows() -> list[Row]:
    few, many = (100, 500) if settings.quick else (4000, 10_000)
    name = f'{many:,} documents of 6 scalars and NdArray[128], rows'
    return [
        *_beside(PROGRAM, many, [f'{name} to protobuf', f'{name} from protobuf'], 0.2),
        *_beside(STORES, few, [f'{few:,} documents with 11 kB, pushed and pulled'], 0.05),
    ]


def _beside(program: str, count: int, names: list[str], bar: float) -> list[Row]:
    """Run a program in both environments; it prints for each round the seconds of each step."""
    theirs, ours = str(_environment()), sys.executable
    taken: dict[str, list[list[float]]] = {ours: [], theirs: []}
    for _ in range(1 if settings.quick else 3):
        for interpreter in taken:
            taken[interpreter] += _run(interpreter, program, count)
    return [
        Row(
            f'{name}, beside docarray 0.41',
            median(times[step] for times in taken[ours]),
            median(times[step] for times in taken[theirs]),
            bar,
        )
        for step, name in enumerate(names)
    ]


def _run(interpreter: str, program: str, count: int) -> list[list[float]]:
    environment = {**os.environ, 'PYTHONWARNINGS': 'ignore'}
    done = subprocess.run(
        [interpreter, '-c', program, str(count)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=environment,
        # Where this checkout is not on the path of the other interpreter.
        cwd=HOME if interpreter != sys.executable else HOME.parent,
    )
    found: list[list[float]] = json.loads(done.stdout)
    return found


def _environment() -> Path:
    python = HOME / 'bin' / 'python'
    ready = HOME / '.ready'
    if not ready.exists():
        subprocess.run([sys.executable, '-m', 'venv', '--clear', str(HOME)], check=True)
        subprocess.run([str(python), '-m', 'pip', 'install', '-qq', *PACKAGES], check=True)
        ready.touch()
    return python
