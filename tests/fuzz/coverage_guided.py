"""Fuzzing that follows the code, by hand: needs atheris, and takes its options behind the name of a reader.

    python -m tests.fuzz.coverage_guided rows:protobuf-array -max_total_time=600

Each input is a byte that chooses the document class, and a message.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=['docarray']):
    from docarray.errors import DocArrayError
    from tests.fuzz.targets import corpus, targets


def main() -> None:
    program, name, *options = sys.argv
    target = targets()[name]
    classes = [cls for cls in corpus() if target.messages(cls)]

    def one(data: bytes) -> None:
        if data:
            try:
                target.read(target.wrap(data[1:]), classes[data[0] % len(classes)])
            except DocArrayError:
                pass

    with tempfile.TemporaryDirectory() as corpus_folder:
        for number, cls in enumerate(classes):
            for place, message in enumerate(target.messages(cls)):
                Path(corpus_folder, f'{number}-{place}').write_bytes(bytes([number]) + message)
        atheris.Setup([program, corpus_folder, *options], one)
        atheris.Fuzz()


if __name__ == '__main__':
    main()
