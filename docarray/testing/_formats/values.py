"""The contract of formats, first part: what comes back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_raises

from docarray.errors import InvalidValueError
from docarray.formats import Format
from docarray.frameworks import get_framework
from docarray.frameworks._rules import numpy_dtype
from docarray.schema import schema_of
from docarray.testing import _arrays
from docarray.testing._formats import documents as kinds
from docarray.testing._formats.base import FormatTests, Message, many
from docarray.testing._formats.batches import FORMS, columns
from docarray.testing._formats.classes import GALLERY, Tree
from docarray.typing import NdArray

_forms = st.sampled_from(sorted(FORMS))

#: In which rows a field is missing.
_MISSING: dict[str, Callable[[int], bool]] = {
    'nowhere': lambda row: False,
    'everywhere': lambda row: True,
    'in some rows': lambda row: row % 2 == 1,
    'in the first row': lambda row: row == 0,
}

_TEXTS = (
    '',
    '\0',
    'a\0b',
    '\U0001f600\U0010ffff',
    'e\u0301',
    '\u202eabc',
    '\r\n\t\x7f\x85\u2028',
    '"\\,;\'',
    'x' * 2**20,
)
_FLOATS = (0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, float('nan'), float('inf'), -float('inf'))


@cache
def _everything(optional: bool) -> kinds.FieldType:
    return kinds.document_class({**kinds.SCALARS, **kinds.CONTAINERS, **kinds.tensors()}, optional)


@cache
def _tensors() -> Any:
    return kinds.document_class(kinds.tensors(), optional=True).annotation


class ValueTests(FormatTests):
    """Documents of every kind come back as they were."""

    def test_name(self) -> None:
        """It is a format, and has a name."""
        assert isinstance(self.format, Format)
        assert isinstance(self.format.name, str)
        assert self.format.name

    @many
    @given(st.data(), _forms)
    def test_every_kind(self, data: st.DataObject, form: str) -> None:
        """Fields of every type come back: no, one and many rows, however they lie in memory."""
        kind = _everything(optional=False)
        self.check(kind.annotation, data.draw(st.lists(kind.values, max_size=3)), form)

    @many
    @given(st.data(), _forms)
    def test_missing_values(self, data: st.DataObject, form: str) -> None:
        """Of every type any row may be None, and is no empty text, no 0 and no False then."""
        full, kind = _everything(optional=False), _everything(optional=True)
        names = [*kinds.SCALARS, *kinds.CONTAINERS, *kinds.tensors()]
        where = data.draw(st.fixed_dictionaries({name: st.sampled_from(sorted(_MISSING)) for name in names}))
        documents = []
        for row, document in enumerate(data.draw(st.lists(full.values, max_size=3))):
            missing = {name: None for name in names if _MISSING[where[name]](row)}
            documents.append(kind.annotation(**{**dict(document), **missing}))
        self.check(kind.annotation, documents, form)

    @many
    @given(st.data(), _forms)
    def test_classes_at_random(self, data: st.DataObject, form: str) -> None:
        """Documents in documents, arrays of them and unions come back, whatever is in them."""
        kind = data.draw(kinds.document_types(kinds.Choice(ragged=True, tagged=True)))
        self.check(kind.annotation, data.draw(st.lists(kind.values, max_size=4)), form)

    def test_every_structure(self) -> None:
        """Trees, chains, unions, documents without id or fields, and aliases come back in every form."""
        for cls, documents in GALLERY.items():
            for form in FORMS:
                for rows in (documents, documents[:1], []):
                    self.check(cls, rows, form)

    def test_documents_deep_inside_one_another(self) -> None:
        """Trees of twenty levels come back."""
        tree = Tree(name='leaf')
        for level in range(20):
            tree = Tree(name=f'{level}', below=type(tree.below)([tree]))
        self.check(Tree, [tree], 'rows')
        self.check(Tree, [tree], 'columns')

    def test_text(self) -> None:
        """Text of any characters and any length comes back; what is not Unicode is refused."""
        documents = [Message(id=text, text=text, words=[text], data=text.encode()) for text in _TEXTS]
        self.check(Message, documents, 'rows')
        self.check(Message, documents, 'columns')
        for odd in ({'text': '\ud800'}, {'words': ['a\udfff']}):
            values = {**dict(Message(text='')), **odd}
            for form in ('rows', 'columns'):
                batch, _ = FORMS[form](schema_of(Message), [Message.model_construct(**values)])
                assert_raises(InvalidValueError, self.format.dumps, batch)

    def test_numbers(self) -> None:
        """The ends of what 64 bits hold come back; integers beyond are kept or refused, never changed."""
        cls = kinds.document_class({name: kinds.SCALARS[name] for name in ('int', 'float')}).annotation
        documents = [cls(int=number, float=0) for number in (-(2**63), 2**63 - 1, 2**53 + 1, 0, -1)]
        documents += [cls(int=0, float=number) for number in _FLOATS]
        self.check(cls, documents, 'rows')
        self.check(cls, documents, 'columns')
        for number in (2**63, 2**64, -(2**63) - 1, 10**30):
            try:
                batch, wanted = FORMS['rows'](schema_of(cls), [cls(int=number, float=0)])
                read = self.format.loads(self.format.dumps(batch), schema_of(cls)).rows()
            except InvalidValueError:
                continue
            self.same(read, wanted)

    @many
    @given(st.data(), st.sampled_from(sorted(_arrays.LAYOUTS)), _forms)
    def test_tensors_of_any_layout(self, data: st.DataObject, layout: str, form: str) -> None:
        """Tensors of any dtype, strides, byte order and alignment come back by their values."""
        array = _arrays.LAYOUTS[layout](data.draw(_arrays.any_array(_arrays.DTYPES, _arrays.TABLES)))
        self.check(_tensors(), [_tensors()(array=array, any_tensor=array) for _ in range(2)], form)

    def test_tensors_of_odd_shapes(self) -> None:
        """Tensors without axes, tensors without numbers and one with many axes keep shape and dtype."""
        cls = _tensors()
        for shape in ((), (0,), (1,), (0, 3), (3, 0), (1, 0, 2), (1,) * 8):
            for dtype in kinds.present_dtypes():
                array = np.zeros(shape).astype(numpy_dtype(dtype))
                documents = [cls(array=array, array_list=[array, array], any_tensor=array), cls()]
                self.check(cls, documents, 'rows')
                self.check(cls, documents[:1] * 2, 'columns')

    def test_tensors_of_several_shapes(self) -> None:
        """Rows of one field may differ in shape, dtype and framework, and be missing."""
        arrays = [np.zeros(3, np.float32), None, np.ones((2, 2), np.uint8), np.array(1.5), np.zeros((0, 4))]
        documents = [_tensors()(array=array, any_tensor=array) for array in arrays]
        documents += [
            _tensors()(any_tensor=get_framework(name).asarray([1])) for name in kinds.installed('torch')
        ]
        for form in FORMS:
            self.check(_tensors(), documents, form)

    def test_tensors_of_another_framework(self) -> None:
        """Columns that are not of the framework that a field declares come back as it declares."""
        schema, half = schema_of(_tensors()), np.full(2, 0.5, np.float16)
        documents = [_tensors()(vector=[1, 2, number], array=half) for number in range(3)]
        for name in kinds.installed('torch'):
            moved = columns(schema, documents).map_tensors(get_framework(name).from_numpy)
            self.same(self.format.loads(self.format.dumps(moved), schema).rows(), documents)

    def test_tensors_declared_otherwise(self) -> None:
        """A dtype and an axis that a class fixes are those that are read."""
        cls = kinds.document_class({'one': kinds.FieldType(NdArray[2, 'uint8'], st.none())}).annotation
        self.check(cls, [cls(one=[1, 255])], 'rows')
