"""Summaries: what they say, that they stay small, and that no value can break or fool them."""

from __future__ import annotations

import base64
import io
import os
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser
from typing import Annotated, Any, Literal, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docarray import AnyDocument, BaseDocument, DocumentArray
from docarray.display import to_html, to_rich, to_text
from docarray.display.describe import MAX_NODES, describe_document
from docarray.display.html import MAX_ROWS, PICTURE_BYTES
from docarray.display.tables import SAMPLE, describe_array, type_text
from docarray.documents import ImageDoc, TextDoc
from docarray.media import image
from docarray.typing import ImageBytes, ImageNdArray, ImageTensor, ImageUrl, NdArray
from docarray.typing.shape import Shape


class Author(BaseDocument):
    name: str
    photo: ImageDoc | None = None


class Page(BaseDocument):
    title: str
    n: int = 0
    url: ImageUrl | None = None
    embedding: NdArray[4] | None = None
    author: Author | None = None
    chunks: DocumentArray[TextDoc] = DocumentArray[TextDoc]()
    tags: dict[str, Any] = {}


class Tree(BaseDocument):
    value: int = 0
    parent: Tree | None = None
    children: DocumentArray[Tree] = []


def page(n: int = 0, **fields: Any) -> Page:
    return Page(**{'id': f'p{n}', 'title': f'Page {n}', 'n': n, **fields})


def summary(obj: Any, capsys: pytest.CaptureFixture[str]) -> str:
    obj.summary()
    return capsys.readouterr().out


# ------------------------------------------------------------------------------------ documents


def test_a_document_is_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    document = page(
        1,
        url='a.png',
        embedding=np.array([0.0, 1.0, 2.0, 7.0]),
        author=Author(id='ann', name='Ann', photo=ImageDoc(id='i', tensor=np.zeros((3, 4, 5), np.uint8))),
        chunks=[TextDoc(id=f't{k}', text=f'chunk {k}') for k in range(10)],
        tags={'a': [1, 2], 'b': None},
    )
    assert (
        summary(document, capsys)
        == """\
Page  p1
├── title: str  'Page 1'
├── n: int  1
├── url: ImageUrl  'a.png'
├── embedding: NdArray  (4,) float64, 0 to 7  ▁▂▃█
├── author: Author  ann
│   ├── name: str  'Ann'
│   └── photo: ImageDoc  i
│       ├── tensor: ImageNdArray  (3, 4, 5) uint8
│       └── None: url, embedding, bytes_
├── chunks: DocumentArray[TextDoc]  10 documents
│   ├── TextDoc  t0
│   │   ├── text: str  'chunk 0'
│   │   └── None: url, embedding, bytes_
│   ├── TextDoc  t1
│   │   ├── text: str  'chunk 1'
│   │   └── None: url, embedding, bytes_
│   └── ... and 8 more
└── tags: dict  {'a': [1, 2], 'b': None}
"""
    )


def test_a_row_of_columns_reads_as_the_document_does() -> None:
    documents = [
        page(k, author=Author(id='a', name='x'), chunks=[TextDoc(id='t', text='y')]) for k in range(3)
    ]
    stacked = DocumentArray[Page](documents).stack()
    assert to_text(stacked[2]) == to_text(documents[2])
    assert to_html(stacked[2]) == to_html(documents[2])


@pytest.mark.parametrize(
    ('value', 'wanted'),
    [
        ('x' * 50, f"'{'x' * 50}'"),
        ('x' * 51, f"'{'x' * 47}...'"),
        ('a\x1b[31m\nb\u202e', r"'a\x1b[31m\nb\u202e'"),
        (b'\x00' * 1234, '1.23 kB'),
        (bytearray(1), '1 byte'),
        (ImageBytes(b'no image'), '8 bytes'),
        (list(range(10**6)), '[0, 1, 2, 3, 4, 5, ...] (1000000 items)'),
        ({'a': {'b': {'c': {'d': 1}}}}, "{'a': {'b': dict(...)}}"),
        pytest.param(10**5000, '<int whose repr failed: ValueError>', id='digits'),
        (np.zeros((2, 3), np.int16), '(2, 3) int16'),
        (np.zeros(200), '(200,) float64'),
        ([], '[]'),
    ],
)
def test_values_in_a_few_words(value: object, wanted: str) -> None:
    line = to_text(AnyDocument(id='i', x=value)).splitlines()[1]
    assert line.split('  ', 1)[1] == wanted


def test_lists_of_tensors_and_documents_show_two() -> None:
    document = AnyDocument(id='i', x=[np.zeros(k + 1, np.int8) for k in range(4)], y={'k': TextDoc(id='t')})
    assert to_text(document).splitlines()[1:] == [
        '├── x: list  4 items',
        '│   ├── ndarray  (1,) int8',
        '│   ├── ndarray  (2,) int8',
        '│   └── ... and 2 more',
        '└── y: dict  1 item',
        "    └── 'k': TextDoc  t",
        '        └── None: text, url, embedding, bytes_',
    ]


@pytest.mark.parametrize(
    ('vector', 'bar'),
    [
        ([1.0, 1.0], '▁▁'),
        ([0.0, np.nan, 7.0, np.inf], '▁ █ '),
        ([np.nan], ''),
        ([-1.5e308, 1.5e308], '▁█'),
        ([], ''),
    ],
)
def test_bars_of_odd_vectors(vector: list[float], bar: str) -> None:
    node = describe_document(AnyDocument(x=np.array(vector))).children[0]
    assert node.value.startswith(f'({len(vector)},) float64')
    assert node.bar == bar


def test_a_document_inside_itself_ends() -> None:
    tree = Tree(id='t')
    tree.children = DocumentArray[Tree]([Tree(id='u')])
    tree.children.extend([tree, tree])
    tree.children[0].children = tree.children
    assert to_text(tree).splitlines() == [
        'Tree  t',
        '├── value: int  0',
        '├── children: DocumentArray[Tree]  3 documents',
        '│   ├── Tree  u',
        '│   │   ├── value: int  0',
        '│   │   ├── children: DocumentArray[Tree]  ... (itself again)',
        '│   │   └── None: parent',
        '│   ├── Tree  ... (itself again)',
        '│   └── ... and 1 more',
        '└── None: parent',
    ]
    assert Reader(to_html(tree)).text.count('itself again') == 2


def test_deep_and_wide_documents_are_cut() -> None:
    tree = Tree(id='0')
    for depth in range(50):
        tree = Tree(id=str(depth), children=[tree, tree])
    assert len(to_text(tree)) < 20_000
    wide = AnyDocument(id='w', **{f'field{k}': k for k in range(10_000)})
    assert len(to_text(wide).splitlines()) <= MAX_NODES + 2
    assert to_text(wide).endswith(f'... and {10_000 - MAX_NODES + 1} more')
    assert len(to_html(wide)) < 300_000


def test_extra_fields_named_like_methods() -> None:
    text = to_text(AnyDocument(id='i', summary='s', copy=1))
    assert text.splitlines()[1:] == ["├── summary: str  's'", '└── copy: int  1']


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError('no')

    def __len__(self) -> int:
        raise RuntimeError('no')

    def __iter__(self) -> Any:
        raise RuntimeError('no')

    def __contains__(self, value: object) -> bool:
        raise RuntimeError('no')


@pytest.mark.parametrize('show', [to_text, to_html])
def test_a_hostile_value_does_not_break_the_rest(show: Any) -> None:
    document = AnyDocument(id='i', x=Hostile(), y='kept')
    assert 'kept' in show(document)
    assert 'cannot be shown (RuntimeError)' in show(document)
    assert 'kept' in show(DocumentArray([document]))


def test_a_document_made_without_validation() -> None:
    assert "title: str  'only'" in to_text(Page.model_construct(title='only'))
    odd = Page.model_construct(title=3, embedding='no tensor')
    assert "'no tensor'" in to_text(odd)
    assert 'no tensor' in to_html(DocumentArray[Page].construct([odd]))


def test_tensors_of_torch_without_values_and_with_gradients() -> None:
    torch = pytest.importorskip('torch')
    document = AnyDocument(a=torch.zeros(3, device='meta'), b=torch.zeros(2, requires_grad=True))
    a, b = describe_document(document).children
    assert (a.value, a.bar) == ('(3,) float32 on meta', '')
    assert (b.value, b.bar) == ('(2,) float32, 0 to 0', '▁▁')


# --------------------------------------------------------------------------------------- arrays


def test_the_fields_of_an_array() -> None:
    shapes = [(2, 3), (4, 3), (5, 3)]
    authors = [Author(name='', photo=ImageDoc(tensor=np.zeros(shape))) for shape in shapes]
    table = describe_array(DocumentArray[Author]([*authors, Author(name='last')]))
    found = {row.path: (row.type, row.example, row.missing) for row in table.rows}
    assert found['name'] == ('str', "'last'", '0')
    assert found['photo'] == ('ImageDoc | None', '', '1')
    assert found['photo.tensor'] == ('ImageTensor | None', '(?, 3) float64', '1')
    assert found['photo.url'] == ('ImageUrl | None', '', '4')


def test_an_array_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    pages = DocumentArray[Page]([page(k, url=None if k else 'a.png') for k in range(3)])
    lines = summary(pages, capsys).splitlines()
    assert lines[0] == 'DocumentArray[Page]  3 documents'
    assert lines[1].split() == ['field', 'type', 'example', 'None']
    assert lines[2].split() == ['id', 'ID', '|', 'None', "'p0'", '0']
    assert len({len(line) for line in lines[2:]}) == 1


def test_columns_tell_shapes_and_memory() -> None:
    rows = [page(k, embedding=np.zeros(4), author=Author(name='x') if k else None) for k in range(3)]
    table = describe_array(DocumentArray[Page](rows).stack())
    found = {row.path: (row.example, row.missing, row.memory) for row in table.rows}
    assert table.length == '3 documents, 120 bytes in columns'
    assert found['n'] == ('(3,) int64', '0', '24 bytes')
    assert found['embedding'] == ('(3, 4) float64', '0', '96 bytes')
    assert found['url'] == ('', '3', '')
    assert found['author'] == ('', '1', '')
    assert found['author.name'] == ("'x'", '1', '')
    assert found['author.photo'][1] == found['author.photo.tensor'][1] == '3'
    assert found['author.photo.tensor'][0] == 'no tensor'


def test_columns_of_dtypes_that_numpy_lacks() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Half(BaseDocument):
        x: TorchTensor

    rows = DocumentArray[Half]([Half(x=torch.zeros(10, dtype=torch.bfloat16)) for _ in range(100)])
    row = describe_array(rows.stack()).rows[1]
    assert (row.example, row.memory) == ('(100, 10) bfloat16', '2 kB')


def test_columns_of_documents_and_of_ragged_tensors() -> None:
    class Cat(BaseDocument):
        x: NdArray

    class Dog(BaseDocument):
        x: int

    class Zoo(BaseDocument):
        animal: Cat | Dog | None
        cats: DocumentArray[Cat]

    cats = [Cat(x=np.zeros((k + 1, 3))) for k in range(2)]
    zoos = DocumentArray[Zoo](
        [Zoo(animal=cats[0], cats=cats), Zoo(animal=Dog(x=1), cats=[]), Zoo(animal=None, cats=cats[:1])]
    )
    table = describe_array(zoos.stack(ragged='list'))
    found = {row.path: (row.type, row.example, row.missing) for row in table.rows}
    assert found['animal'] == ('Cat | Dog | None', '1 Cat, 1 Dog', '1')
    assert found['cats'] == ('DocumentArray[Cat]', '3 documents', '0')
    ragged = describe_array(DocumentArray[Cat](cats).stack(ragged='list')).rows[1]
    assert (ragged.example, ragged.missing, ragged.memory) == ('(?, 3) float64', '0', '')


def test_arrays_without_a_class() -> None:
    documents = [AnyDocument(title='x', n=1), AnyDocument(title=2), TextDoc(text='t')]
    found = {row.path: (row.type, row.missing) for row in describe_array(DocumentArray(documents)).rows}
    assert found['title'] == ('str | int', '1')
    assert found['n'] == ('int', '2')
    assert found['text'] == ('str', '2')


class Counted(DocumentArray[Page]):
    reads = 0

    def __getitem__(self, index: Any) -> Any:
        Counted.reads += 1
        return super().__getitem__(index)

    def __iter__(self) -> Any:
        raise AssertionError('all rows are read')


@pytest.mark.parametrize('show', [to_text, to_html])
def test_a_large_array_is_sampled(show: Any) -> None:
    Counted.reads = 0
    with_url, without = page(0, url='a.png'), page(1)
    pages = Counted.construct([with_url, without] * 50_000 + [with_url])
    assert re.search(r'~\d+', show(pages))
    assert Counted.reads <= SAMPLE + MAX_ROWS
    missing = {row.path: row.missing for row in describe_array(pages).rows}
    assert missing['n'] == '~0'


def test_large_columns_are_not_read() -> None:
    class Row(BaseDocument):
        text: str
        blob: bytes
        x: NdArray[2]

    rows = DocumentArray[Row].construct([Row(text='t', blob=b'b', x=np.zeros(2))] * 5000).stack()
    rows.batch.data['blob'].rows = Sampled(rows.batch.data['blob'].rows)
    found = {row.path: row.missing for row in describe_array(rows).rows}
    assert (found['text'], found['x'], found['blob']) == ('0', '0', '~0')


class Sampled(list[Any]):
    def __iter__(self) -> Any:
        raise AssertionError('all rows are read')


@pytest.mark.parametrize('stacked', [False, True])
def test_empty_arrays(stacked: bool) -> None:
    pages: Any = DocumentArray[Page]()
    pages = pages.stack() if stacked else pages
    assert '0 documents' in to_text(pages)
    assert '0 documents' in to_html(pages)
    assert 'title' in to_text(pages)


# ------------------------------------------------------------------------------------- terminals


def test_markup_is_text_to_rich() -> None:
    console = pytest.importorskip('rich.console').Console(width=120, file=io.StringIO(), force_terminal=True)
    hostile = '[red]no[/red] :smile: [link=https://x.y]z[/link] [/'
    pages = DocumentArray[Page]([page(1, title=hostile, tags={hostile: 1})])
    for obj in (pages[0], pages, pages.stack()):
        console.print(to_rich(obj))
    shown = console.file.getvalue()
    assert shown.count(hostile[:40]) == 6  # the title and the key of the tags, three times
    assert '\x1b[31m' not in shown
    assert '\x1b]8' not in shown


def test_rich_objects_print_as_themselves() -> None:
    rich = pytest.importorskip('rich')
    console = rich.console.Console(width=100, file=io.StringIO())
    console.print(page(3), DocumentArray[Page]([page(4)]))
    shown = console.file.getvalue()
    assert "├── title: str  'Page 3'" in shown
    assert "'Page 4'" in shown


def test_names_and_types_survive_a_narrow_terminal() -> None:
    console = pytest.importorskip('rich.console').Console(width=60, file=io.StringIO())
    console.print(to_rich(DocumentArray[Page]([page(1, title='x' * 50)])))
    lines = console.file.getvalue().splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 60
    assert len(lines) <= len(describe_array(DocumentArray[Page]()).rows) * 2 + 3


def test_colours_on_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('rich')
    assert '\x1b' not in summary(page(), capsys)
    monkeypatch.setenv('FORCE_COLOR', '1')
    assert '\x1b' in summary(page(), capsys)


WITHOUT_RICH = """
import sys
sys.modules['rich'] = None
from docarray.documents import TextDoc
from docarray.errors import MissingExtraError
document = TextDoc(id='i', text='hello')
document.summary()
TextDoc.schema_summary()
try:
    document.__rich__()
except MissingExtraError as error:
    print(error.extra)
"""


def test_without_rich() -> None:
    command = [sys.executable, '-c', WITHOUT_RICH]
    done = subprocess.run(
        command,
        capture_output=True,
        encoding='utf-8',
        timeout=100,
        env={**os.environ, 'PYTHONIOENCODING': 'utf-8'},
    )
    assert done.stderr == ''
    assert "├── text: str  'hello'" in done.stdout
    assert '├── text: str | None' in done.stdout
    assert done.stdout.endswith('display\n')


@pytest.mark.parametrize('encoding', ['ascii', 'cp1252'])
def test_terminals_that_know_few_characters(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(raw, encoding, write_through=True))
    page(title='日本', embedding=np.arange(4.0)).summary()
    assert b"|-- title: str  '\\u65e5\\u672c'" in raw.getvalue()


def test_a_program_without_a_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'stdout', None)
    page().summary()
    Page.schema_summary()


# --------------------------------------------------------------------------------------- classes


def test_a_class_is_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    class Thesis(BaseDocument):
        title: str
        image: ImageNdArray[3, 224, 224]
        grid: Annotated[np.ndarray, Shape('h', 'w', dtype='float32')] | None
        cover: ImageDoc
        chunks: DocumentArray[Tree]
        parts: list[TextDoc | Author]
        back: ImageDoc | None

    Thesis.schema_summary()
    assert (
        capsys.readouterr().out
        == """\
Thesis
├── id: ID | None
├── title: str
├── image: ImageNdArray[3, 224, 224]
├── grid: NdArray[h, w, float32] | None
├── cover: ImageDoc
│   ├── id: ID | None
│   ├── url: ImageUrl | None
│   ├── tensor: ImageTensor | None
│   ├── embedding: AnyEmbedding | None
│   └── bytes_: ImageBytes | None
├── chunks: DocumentArray[Tree]
│   ├── id: ID | None
│   ├── value: int
│   ├── parent: Tree | None  (as above)
│   └── children: DocumentArray[Tree]  (as above)
├── parts: list[TextDoc | Author]
│   ├── TextDoc
│   │   ├── id: ID | None
│   │   ├── text: str | None
│   │   ├── url: TextUrl | None
│   │   ├── embedding: AnyEmbedding | None
│   │   └── bytes_: bytes | None
│   └── Author
│       ├── id: ID | None
│       ├── name: str
│       └── photo: ImageDoc | None  (as above)
└── back: ImageDoc | None  (as above)
"""
    )


@pytest.mark.parametrize(
    ('annotation', 'wanted'),
    [
        (Optional[int], 'int | None'),  # noqa: UP045
        (int | str, 'int | str'),
        (dict[str, list[int]], 'dict[str, list[int]]'),
        (tuple[int, ...], 'tuple[int, ...]'),
        (Literal['a', 1], "Literal['a', 1]"),
        (Annotated[int, 'x'], 'int'),
        (Any, 'Any'),
        ('Later', 'Later'),
        (None, 'None'),
        (DocumentArray[TextDoc], 'DocumentArray[TextDoc]'),
        (Annotated[np.ndarray | None, Shape(3)], 'NdArray[3] | None'),
    ],
)
def test_types_as_people_write_them(annotation: Any, wanted: str) -> None:
    assert type_text(annotation) == wanted


# ------------------------------------------------------------------------------------------ HTML

TAGS = {'div', 'span', 'b', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'img'}
ATTRIBUTES = {'style', 'colspan', 'src', 'alt', 'title'}


class Reader(HTMLParser):
    """What a browser would make of it: refuses tags and attributes that the display never writes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.sources = '', []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        assert tag in TAGS
        assert given.keys() <= ATTRIBUTES
        assert len(given) == len(attrs)
        assert re.fullmatch(r'[-\w:;.,%()# ]*', given.get('style') or ''), given['style']
        if tag == 'img':
            assert given['src'].startswith('data:image/png;base64,')
            self.sources.append(base64.b64decode(given['src'].partition(',')[2], validate=True))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


HTML = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    '&lt;b&gt;',
    '<!--',
    ']]>',
]
NASTY = st.one_of(st.text(max_size=30), st.sampled_from(HTML))


@settings(deadline=None, max_examples=60)
@given(NASTY.filter(lambda name: name not in ('id', 'x')), NASTY, NASTY)
def test_everything_is_escaped(name: str, value: str, own_id: str) -> None:
    document = AnyDocument(id=own_id, x=1, **{name: value})
    nested = AnyDocument(id='n', inner=document, many=[document], map={value: document, 'b': {name: value}})
    odd = type(value.replace('\0', '') or 'x', (AnyDocument,), {})(id='o', **{name: {value}})
    for obj in (document, nested, odd, DocumentArray([document, nested, odd])):
        Reader(to_html(obj))
    shown = Reader(to_html(document)).text
    assert repr(value) in shown
    assert all(line.isprintable() for line in to_text(nested).split('\n'))


def test_names_of_classes_and_annotations_are_escaped() -> None:
    class Odd(BaseDocument):
        x: Literal['<script>', '"'] = '"'
        image: ImageTensor | None = None

    Odd.__name__ = '<script>'
    for obj in (
        Odd(image=np.zeros((2, 2), np.uint8)),
        DocumentArray[Odd]([Odd()]),
        DocumentArray[Odd]([Odd()]).stack(),
    ):
        assert '<script>' in Reader(to_html(obj)).text


def picture(h: int = 40, w: int = 60) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[0:h, 0:w]
    return np.stack([x * 4, y * 6, x + y], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    'tensor',
    [
        picture(),
        picture().transpose(2, 0, 1),
        (picture() / 255).astype(np.float32),
        (picture() / 255).transpose(2, 0, 1),
        picture().astype(np.float32),
        picture().astype(np.int64),
        np.concatenate([picture(), np.full((40, 60, 1), 255, np.uint8)], axis=-1),
    ],
    ids=['hwc', 'chw', 'unit', 'unit-chw', 'float', 'int', 'rgba'],
)
def test_thumbnails_of_all_layouts(tensor: Any) -> None:
    pytest.importorskip('PIL')
    (png,) = Reader(to_html(ImageDoc(tensor=tensor))).sources
    shown = image.decode(png)
    assert shown.shape == (40, 60, 3)
    assert np.abs(shown.astype(int) - picture()).max() <= 1


@pytest.mark.parametrize('tensor', [picture()[..., 0], picture()[..., :1], picture()[None, ..., 0] / 255])
def test_thumbnails_of_gray_images(tensor: Any) -> None:
    pytest.importorskip('PIL')
    (png,) = Reader(to_html(ImageDoc(tensor=tensor))).sources
    assert np.abs(image.decode(png)[..., 1].astype(int) - picture()[..., 0]).max() <= 1


@pytest.mark.parametrize(
    ('framework', 'make'),
    [
        ('torch', lambda module, array: module.from_numpy(array.copy()).requires_grad_(True)),
        ('tensorflow', lambda module, array: module.constant(array)),
        ('jax', lambda module, array: module.numpy.asarray(array)),
    ],
)
def test_thumbnails_of_all_frameworks(framework: str, make: Any) -> None:
    pytest.importorskip('PIL')
    tensor = make(pytest.importorskip(framework), (picture() / 255).astype(np.float32))
    (png,) = Reader(to_html(ImageDoc(tensor=tensor))).sources
    assert np.abs(image.decode(png).astype(int) - picture()).max() <= 1


def test_pictures_of_arrays_columns_and_nested_documents() -> None:
    pytest.importorskip('PIL')
    data = image.encode(picture())
    rows = DocumentArray[Author](
        [Author(name=str(k), photo=ImageDoc(tensor=picture(), bytes_=data)) for k in range(3)]
    )
    for obj, count in ((rows, 6), (rows.stack(), 6), (rows[0], 2), (AnyDocument(rows=rows), 4)):
        assert len(Reader(to_html(obj)).sources) == count


@pytest.mark.parametrize('data', [b'', b'corrupt'])
def test_corrupt_images_are_text(data: bytes) -> None:
    read = Reader(to_html(ImageDoc(bytes_=data)))
    assert read.sources == []
    assert 'bytes' in read.text


def test_truncated_images_are_text() -> None:
    pytest.importorskip('PIL')
    test_corrupt_images_are_text(image.encode(picture())[:100])


@pytest.mark.parametrize('shape', [(0, 3, 3), (3,), (2, 3, 4, 5), ()])
def test_images_of_no_image_shape_are_text(shape: tuple[int, ...]) -> None:
    read = Reader(to_html(ImageDoc(tensor=np.zeros(shape))))
    assert read.sources == []
    assert f'{shape} float64' in read.text


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'not to be decoded'
    monkeypatch.setitem(sys.modules, 'PIL', None)
    monkeypatch.setitem(sys.modules, 'PIL.Image', None)
    read = Reader(to_html(DocumentArray[ImageDoc]([ImageDoc(tensor=picture(), bytes_=data)])))
    assert read.sources == []
    assert '(40, 60, 3) uint8' in read.text


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*options: Any, **more: Any) -> Any:
        raise AssertionError('a URL is fetched')

    monkeypatch.setattr(socket, 'socket', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    url = 'https://example.com/a.png?x="><script>'
    document = ImageDoc(url=url)
    for obj in (document, DocumentArray[ImageDoc]([document])):
        read = Reader(to_html(obj))
        assert url in read.text
        assert read.sources == []


def test_html_stays_small() -> None:
    pytest.importorskip('PIL')
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    albums = [
        AnyDocument(id=str(k), **{f'f{j}': ImageDoc(tensor=noise) for j in range(30)}) for k in range(100)
    ]
    html = to_html(DocumentArray(albums))
    read = Reader(html)
    assert len(html) < PICTURE_BYTES + 500_000
    assert len(read.sources) > 20
    assert '... and 80 more' in read.text
    assert 'More fields: f11' in read.text


def test_huge_images_are_not_decoded() -> None:
    pil = pytest.importorskip('PIL.Image')
    buffer = io.BytesIO()
    pil.new('1', (9000, 9000)).save(buffer, 'PNG')
    read = Reader(to_html(ImageDoc(bytes_=buffer.getvalue())))
    assert read.sources == []
    assert 'kB' in read.text


def test_fields_that_are_none_are_named_once() -> None:
    read = Reader(to_html(DocumentArray[TextDoc]([TextDoc(text='a'), TextDoc(url='b.txt')])))
    assert read.text.endswith('None: embedding, bytes_')
    assert '1 None' in read.text
