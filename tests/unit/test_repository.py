"""The rules that the repository sets itself: sizes, names, imports, extras, and documents that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import math
import os
import re
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from docarray import _registry
from docarray._lazy import EXTRAS
from docarray.errors import MissingExtraError

pytestmark = pytest.mark.repository

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'docarray'
SOURCES = sorted(PACKAGE.rglob('*.py'))
DOCUMENTS = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]


def name_of(path: Path) -> str:
    """``docarray/array/rows.py`` -> ``array/rows.py``: how messages and tables here call a module."""
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = [module_of(path) for path in SOURCES if path.stem != '__main__']


def imported(name: str) -> ModuleType:
    """The module; the test is skipped where only an optional package is missing."""
    try:
        return importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition('.')[0] not in {
            key.partition('.')[0] for key in EXTRAS
        }:
            raise
        pytest.skip(f'{name} needs {error.name}')


def line_count(path: Path) -> int:
    return len(path.read_text(encoding='utf-8').splitlines())


# ------------------------------------------------------------------------------------------ sizes


def test_modules_stay_small() -> None:
    assert {name_of(path): n for path in SOURCES if (n := line_count(path)) > 400} == {}


def test_schema_and_lowering_stay_small_together() -> None:
    lines = [line_count(path) for path in SOURCES if name_of(path) in ('schema.py', 'lowering.py')]
    assert len(lines) == 2
    assert sum(lines) <= 500


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, the docstring aside: long documentation is no fault."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def test_functions_stay_small() -> None:
    lengths = {
        f'{name_of(path)}:{node.lineno} {node.name}': body_lines(node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: n for name, n in lengths.items() if n > 60} == {}
    long = {name: n for name, n in lengths.items() if n >= 30}
    assert len(long) <= 0.05 * len(lengths), long


def test_few_type_ignores_and_a_reason_behind_each() -> None:
    found = []
    for path in SOURCES:
        with path.open('rb') as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.COMMENT and re.search(r'type:\s*ignore', token.string):
                    found.append((f'{name_of(path)}:{token.start[0]}', token.string))
    assert len(found) <= math.ceil(sum(map(line_count, SOURCES)) / 1000), found
    given = re.compile(r'# type: ignore\[[a-z, -]+\]\s+# \w.{8,}')
    assert [(where, text) for where, text in found if not given.fullmatch(text)] == []


# ------------------------------------------------------------------------------- what code may do

#: Who may import what unpickles: _typed sends local classes by value, formats/pickle is asked for by name.
UNPICKLERS = {'pickle', 'cPickle', 'cloudpickle', 'dill', 'joblib', 'marshal', 'shelve'}
MAY_UNPICKLE = {
    '_typed.py': {'cloudpickle', 'pickle'},
    'data/parcel.py': {'pickle'},  # to worker processes of its own
    'formats/files/pickle.py': {'cloudpickle', 'pickle'},
    'search/map.py': {'cloudpickle'},  # to and from worker processes of its own
}
CALLS = {'print', 'eval', 'exec', 'breakpoint', 'input'}
METHODS = {'os.system', 'os.popen', 'logging.basicConfig', 'warnings.simplefilter', 'warnings.filterwarnings'}
#: These stand above the lazy table of docarray/__init__.py and may use the names in it.
ABOVE_THE_TABLE = ('__init__.py', '_aliases.py', 'cli.py', 'testing/', 'demo/')


def imports_of(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of an import statement; the name is '' for ``import module``."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, '') for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((node.module or '', alias.name) for alias in node.names)


def faults(node: ast.AST, name: str) -> Iterator[str]:
    """What a node does that no module of the package may."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called in CALLS and not (called == 'print' and name == 'cli.py'):
            yield f'calls {called}()'
        if called in METHODS or called.endswith('.addHandler'):
            yield f'calls {called}()'
        if any(word.arg == 'shell' and getattr(word.value, 'value', True) for word in node.keywords):
            yield 'passes shell='
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        yield 'has a bare except'
    for module, imported_name in imports_of(node):
        if module.partition('.')[0] in UNPICKLERS - MAY_UNPICKLE.get(name, set()):
            yield f'imports {module}'
        own = module == 'docarray' and imported_name not in {path.stem for path in PACKAGE.iterdir()}
        if own and not name.startswith(ABOVE_THE_TABLE):
            yield f'imports {imported_name or "docarray"} from the top, where a lower module has it'


def faults_in(source: str | bytes, name: str) -> list[str]:
    tree = ast.parse(source)
    found = [f'{name}:{node.lineno} {fault}' for node in ast.walk(tree) for fault in faults(node, name)]  # type: ignore[attr-defined]
    at_import = (module.partition('.')[0] for node in tree.body for module, _ in imports_of(node))
    if name == '_typed.py' and UNPICKLERS & set(at_import):
        found.append(f'{name} imports a pickler at its top; only a function that needs it may')
    return found


@pytest.mark.parametrize(
    ('source', 'name'),
    [
        ('print(1)', 'schema.py'),
        ('x = eval("1")', 'schema.py'),
        ('def f():\n    import pickle', 'document.py'),
        ('from cloudpickle import loads', 'document.py'),
        ('import cloudpickle', '_typed.py'),
        ('try:\n    f()\nexcept:\n    g()', 'schema.py'),
        ('run("ls", shell=True)', 'schema.py'),
        ('run("ls", shell=flag)', 'schema.py'),
        ('os.system("ls")', 'schema.py'),
        ('logger.addHandler(handler)', 'schema.py'),
        ('from docarray import BaseDocument', 'documents/text.py'),
    ],
)
def test_a_fault_is_seen(source: str, name: str) -> None:
    assert len(faults_in(source, name)) == 1


def test_no_module_does_what_none_may() -> None:
    assert [fault for path in SOURCES for fault in faults_in(path.read_bytes(), name_of(path))] == []


# ----------------------------------------------------------------------------------- public names


@pytest.mark.parametrize('name', MODULES)
def test_public_names_exist_and_are_described(name: str) -> None:
    module = imported(name)
    public: list[str] = list(getattr(module, '__all__', ()))
    assert len(set(public)) == len(public)
    bare = []
    for word in public:
        try:
            value = getattr(module, word)
        except MissingExtraError:
            continue  # a name of the lazy table whose framework is not installed
        if isinstance(value, type):
            described: Any = vars(value).get('__doc__')
        else:
            described = value.__doc__ if inspect.isroutine(value) else 'a constant'
        if not described:
            bare.append(word)
    assert bare == []


@pytest.mark.parametrize('name', MODULES)
def test_examples_in_docstrings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(imported(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0, capsys.readouterr().out


# ------------------------------------------------------------------------------------- dependencies

#: Distributions whose name is not that of the module they bring.
DISTRIBUTIONS = {
    'backports': 'backports.zstd',
    'grpc': 'grpcio',
    'PIL': 'pillow',
    'google.protobuf': 'protobuf',
    'sklearn': 'scikit-learn',
    'lz4.frame': 'lz4',
    'ml_dtypes': 'ml-dtypes',
    'lance': 'pylance',
}
COLLECTIVE = {'demo', 'full', 'test', 'dev'}


def project() -> dict[str, Any]:
    toml = importlib.import_module('tomllib' if sys.version_info >= (3, 11) else 'tomli')
    table: dict[str, Any] = toml.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    return table


def extras() -> dict[str, list[Requirement]]:
    table: dict[str, list[str]] = project()['optional-dependencies']
    return {extra: [Requirement(line) for line in lines] for extra, lines in table.items()}


def test_version_is_the_same_everywhere() -> None:
    assert getattr(importlib.import_module('docarray'), '__version__', None) == project()['version']


def test_each_lazy_module_comes_with_its_extra() -> None:
    table = extras()
    wrong = {
        module: extra
        for module, extra in EXTRAS.items()
        if DISTRIBUTIONS.get(module, module) not in {line.name for line in table.get(extra, [])}
    }
    assert wrong == {}


def test_each_extra_brings_a_lazy_module() -> None:
    assert set(extras()) - COLLECTIVE - set(EXTRAS.values()) == set()


def test_no_lazy_module_is_a_plain_dependency() -> None:
    plain = {Requirement(line).name for line in project()['dependencies']}
    assert {module for module in EXTRAS if DISTRIBUTIONS.get(module, module) in plain} == set()


def test_full_is_all_of_the_extras() -> None:
    named = {extra for line in extras()['full'] if line.name == 'docarray' for extra in line.extras}
    assert named == set(extras()) - {'full', 'test', 'dev'}


def test_plug_ins_name_extras_that_exist() -> None:
    named = {row.extra for rows in _registry.ROWS.values() for row in rows}
    assert named - {''} - set(extras()) == set()


def test_every_dependency_is_explained() -> None:
    text = (ROOT / 'docs' / 'dependencies.md').read_text(encoding='utf-8')
    explained = set(re.findall(r'^\| `([\w.-]+)`', text, re.MULTILINE))
    wanted = {Requirement(line).name for line in project()['dependencies']}
    wanted |= {line.name for lines in extras().values() for line in lines} - {'docarray'}
    assert wanted - explained == set()


HEAVY = (
    'av', 'cloudpickle', 'fastapi', 'fsspec', 'google.protobuf', 'grpc', 'jax', 'lz4', 'pandas', 'PIL',
    'polars', 'pyarrow', 'rich', 'sklearn', 'tensorflow', 'torch',
)  # fmt: skip

IMPORT_AND_WATCH = """
import sys

class Watch:
    sought = set()

    def find_spec(self, name, path=None, target=None):
        self.sought.add(name)

sys.meta_path.insert(0, Watch())
import docarray
print(*Watch.sought, *sys.modules)
"""


def test_import_leaves_heavy_packages_alone() -> None:
    """Not even looked for: that shows on a machine where they are not installed, too."""
    done = subprocess.run(
        [sys.executable, '-c', IMPORT_AND_WATCH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    sought = done.stdout.split()
    assert 'docarray' in sought
    assert [
        name for name in sought if name in HEAVY or name.startswith(tuple(f'{top}.' for top in HEAVY))
    ] == []


# ---------------------------------------------------------------------------------------- documents

NOT_RUN = re.compile(r'<!-- not run: .+ -->')


def script_of(text: str) -> str:
    """The Python of a Markdown text as one script, each line where the text has it.

    Blocks share a namespace. A block whose previous line is ``<!-- not run: reason -->`` is left out.
    """
    script: list[str] = []
    block: list[str] | None = None
    wanted, before = False, ''
    for line in text.splitlines():
        mark = line.strip()
        if block is not None and mark == '```':
            script += textwrap.dedent('\n'.join(block)).split('\n') if wanted and block else [''] * len(block)
            script.append('')
            block = None
        elif block is not None:
            block.append(line)
        else:
            script.append('')
            if mark.startswith('```'):
                block, wanted = [], mark == '```python' and not NOT_RUN.fullmatch(before)
            before = mark or before
    return '\n'.join(script)


DOCUMENT = """\
# Title
```python
a = 1
```
<!-- not run: needs a server -->

```python
left = out
```
- an item
  ```python
  if a:

      b = 2
  ```
```sh
left out
```
"""


def test_script_of_a_document() -> None:
    lines = script_of(DOCUMENT).split('\n')
    assert {at: line for at, line in enumerate(lines, 1) if line} == {
        3: 'a = 1',
        12: 'if a:',
        14: '    b = 2',
    }


@pytest.mark.slow
@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_run(path: Path, tmp_path: Path) -> None:
    script = script_of(path.read_text(encoding='utf-8'))
    if not script.strip():
        return
    file = tmp_path / 'document.py'
    file.write_text(script, encoding='utf-8')
    command = [sys.executable, '-W', 'error::DeprecationWarning:__main__', str(file)]
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f'{path.name} (line numbers are its own):\n{done.stderr[-4000:]}'
