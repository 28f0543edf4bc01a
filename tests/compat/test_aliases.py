"""Names and module paths of earlier versions: importable, and the same objects as the new ones."""

import importlib
import subprocess
import sys

import pytest

import docarray
from docarray._aliases import _HOME_OF, MODULES

NEEDS = {
    'Torch': 'torch',
    'TensorFlow': 'tensorflow',
    'Jax': 'jax',
    'Dataset': 'torch',
    'Response': 'fastapi',
}


def needed(name):
    return next((package for part, package in NEEDS.items() if part in name), None)


@pytest.mark.parametrize(
    ('module', 'name'), [(module, name) for module, names in MODULES.items() for name in names]
)
def test_old_name_is_the_new_object(module, name):
    if needed(name):
        pytest.importorskip(needed(name))
    old = getattr(importlib.import_module(module), name)
    assert old is getattr(importlib.import_module(_HOME_OF[name]), name)


@pytest.mark.parametrize(
    ('later', 'seed'),
    [
        ('BaseDoc', 'BaseDocument'),
        ('AnyDoc', 'AnyDocument'),
        ('DocList', 'DocumentArray'),
        ('DocVec', 'DocumentArrayStacked'),
    ],
)
def test_both_vocabularies_at_the_top(later, seed):
    assert getattr(docarray, later) is getattr(docarray, seed)


@pytest.mark.parametrize('kind', ['Text', 'Image', 'Audio', 'Video'])
def test_both_vocabularies_of_documents(kind):
    documents = importlib.import_module('docarray.documents')
    assert getattr(documents, kind) is getattr(documents, kind + 'Doc')


def test_from_import_of_an_old_submodule():
    from docarray.base_doc.doc import BaseDoc
    from docarray.utils import find as find_module

    assert BaseDoc is docarray.BaseDocument
    assert find_module.find is importlib.import_module('docarray.search').find


def test_unknown_names_fail_as_python_says():
    assert not hasattr(docarray, 'no_such_name')
    with pytest.raises(ImportError):
        importlib.import_module('docarray.no_such_module')
    with pytest.raises(ImportError, match='no_such_name'):
        exec('from docarray.base_doc import no_such_name')


def test_importing_an_old_path_loads_no_framework():
    code = (
        'import sys, docarray.base_doc, docarray.typing.tensor, docarray.utils.find\n'
        'import docarray.data.torch_dataset\n'
        'import docarray.utils.create_dynamic_doc_class, docarray.typing.bytes.image_bytes\n'
        'print([name for name in ("torch", "tensorflow", "jax", "PIL", "rich") if name in sys.modules])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == '[]', done.stderr


def test_get_paths(tmp_path):
    from docarray.helper import get_paths

    for name in ('b.png', 'a.png', 'skip.png', 'sub/c.png', 'd.txt'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('x')
    pattern = str(tmp_path / '**' / '*.png')
    found = [path.rpartition('/')[2] for path in get_paths(pattern, exclude_regex='skip')]
    assert sorted(found) == ['a.png', 'b.png', 'c.png']
    assert len(list(get_paths(pattern, size=2))) == 2
    assert list(get_paths([str(tmp_path / '*.txt')])) == [str(tmp_path / 'd.txt')]
