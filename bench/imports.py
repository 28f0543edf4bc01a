"""Import time and what gets imported, in fresh processes."""

from __future__ import annotations

from statistics import median

from bench.timing import Row, child, settings

HEAVY = ('torch', 'tensorflow', 'jax', 'PIL', 'rich', 'pyarrow', 'pandas', 'fastapi', 'google.protobuf')

# The time of the import statement alone: the start of the interpreter, the same for all, would only
# bring the ratio nearer to one.
TIMED = 'import sys, time; s = time.perf_counter(); exec(sys.argv[1]); print(time.perf_counter() - s)'
LOADED = f'import sys; exec(sys.argv[1]); print(sum(name in sys.modules for name in {HEAVY!r}))'

NAMES = 'from docarray import BaseDocument, DocumentArray'
STATEMENTS = {
    'bare': 'import pydantic, numpy',
    'class': 'import numpy; from pydantic import BaseModel',
    # What every program with a model pays, and docarray too: BaseDocument is one.
    'model': """
import numpy
from pydantic import BaseModel, Field
class Model(BaseModel):
    id: str | None = Field(default_factory=str)
""",
    'docarray': 'import docarray',
    'names': NAMES,
}


def rows() -> list[Row]:
    for statement in STATEMENTS.values():
        child(TIMED, statement)  # compiles the modules
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(1 if settings.quick else 9):
        for name, statement in STATEMENTS.items():
            times[name].append(float(child(TIMED, statement)))
    taken = {name: median(found) for name, found in times.items()}
    loaded = float(child(LOADED, f'import docarray; {NAMES}'))
    return [
        Row('import docarray / import pydantic, numpy', taken['docarray'], taken['bare'], 1.3),
        Row(f'{NAMES} / import numpy; from pydantic import BaseModel', taken['names'], taken['class'], 1.3),
        Row(f'{NAMES} / that and a model', taken['names'], taken['model'], 1.3),
        Row('heavy packages in sys.modules after that', loaded, 0, 0, 'count'),
    ]
