"""MultiModalDataset in one process: items, batches, types, and the DataLoader without workers."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import DocArrayError, InvalidValueError, PathError, PreprocessError, StackError
from docarray.typing import AnyTensor, ImageNdArray, NdArray

torch = pytest.importorskip('torch')
from torch.utils.data import (  # noqa: E402
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
    random_split,
)

from docarray.data import MultiModalDataset  # noqa: E402
from docarray.typing import TorchTensor  # noqa: E402


class Text(BaseDocument):
    text: str
    embedding: TorchTensor[4] | None = None


class Thesis(BaseDocument):
    title: Text


class Student(BaseDocument):
    thesis: Thesis
    image: TorchTensor[3, 8, 8]
    scan: ImageNdArray[2, 2]
    label: int
    weight: float = 0.5
    pages: DocumentArray[Text] = DocumentArray[Text]()


def students(n: int = 10) -> DocumentArray[Student]:
    return DocumentArray[Student](
        Student(
            id=f's{row}',
            thesis=Thesis(title=Text(text=f'title {row}')),
            image=torch.full((3, 8, 8), float(row)),
            scan=np.full((2, 2), row, np.uint8),
            label=row,
            pages=[Text(text='p')] * (row % 3),
        )
        for row in range(n)
    )


def embed_title(title: Text) -> None:
    title.embedding = torch.full((4,), float(len(title.text)))


def normalize_embedding(thesis: Thesis) -> Thesis:
    assert thesis.title.embedding is not None
    thesis.title.embedding = thesis.title.embedding / thesis.title.embedding.norm()
    return thesis


FUNCTIONS = {'thesis.title': embed_title, 'thesis': normalize_embedding, 'image': lambda image: image.mul_(2)}


# ---------------------------------------------------------------------------------------- DataLoader


@pytest.mark.parametrize('stacked', [False, True], ids=['rows', 'columns'])
@pytest.mark.parametrize('functions', [{}, FUNCTIONS], ids=['as they are', 'preprocessed'])
def test_a_loader_gives_typed_batches_of_torch_tensors(stacked: bool, functions: Any) -> None:
    rows = students()
    before = copy.deepcopy(rows)
    source = rows.stack() if stacked else rows
    dataset = MultiModalDataset[Student](source, preprocessing=functions)
    loader = DataLoader(dataset, batch_size=4, collate_fn=MultiModalDataset[Student].collate_fn)
    batches = list(loader)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    for batch in batches:
        assert type(batch) is DocumentArrayStacked[Student]
        assert isinstance(batch.image, torch.Tensor)
        assert isinstance(batch.scan, torch.Tensor)
        assert batch.image.shape == (len(batch), 3, 8, 8)
    batch = batches[1]
    assert batch.id == ['s4', 's5', 's6', 's7']
    assert torch.equal(batch.image[:, 0, 0, 0], torch.tensor([4.0, 5, 6, 7]) * (2 if functions else 1))
    if functions:
        assert torch.allclose(batch.thesis.title.embedding, torch.full((4, 4), 0.5))
    assert rows == before
    if stacked:
        assert source.unstack() == before


TOP_LEVEL = {
    'image': lambda image: image.mul_(2),
    'scan': lambda scan: scan.astype(np.float64)[:1],
    'thesis': lambda thesis: embed_title(thesis.title),
    'label': lambda label: label % 2,
    'pages': lambda pages: pages[:1],
}


class Loose(Student):
    scan: NdArray


def test_columns_are_preprocessed_as_rows_are() -> None:
    rows = DocumentArray[Loose](Loose(**dict(student)) for student in students())
    columns = rows.stack()
    before = columns.copy()
    expected, found = (
        list(
            DataLoader(
                MultiModalDataset[Loose](source, TOP_LEVEL), 4, collate_fn=MultiModalDataset.collate_fn
            )
        )
        for source in (rows, columns)
    )
    assert found == expected
    assert found[0].scan.dtype == torch.float64
    assert [len(pages) for pages in found[0].pages] == [0, 1, 1, 0]
    assert columns == before


def test_columns_of_several_shapes_and_missing_values_never_change() -> None:
    class Clip(BaseDocument):
        sound: TorchTensor
        mask: TorchTensor | None = None

    rows = DocumentArray[Clip](
        Clip(sound=torch.zeros(n), mask=torch.zeros(1) if n else None) for n in range(3)
    )
    columns = rows.stack(ragged='list')
    functions = {'sound': lambda sound: sound.add_(1), 'mask': lambda mask: mask.add_(1)}
    loader = DataLoader(MultiModalDataset[Clip](columns, functions), batch_size=3, collate_fn=list)
    clips = next(iter(loader))
    assert [clip.sound.tolist() for clip in clips] == [[], [1], [1, 1]]
    assert [clip.mask if clip.mask is None else clip.mask.tolist() for clip in clips] == [None, [1], [1]]
    assert [clip.sound.sum().item() for clip in columns] == [0, 0, 0]
    assert columns.mask.sum() == 0


def test_labels_become_tensors_easily() -> None:
    batch = MultiModalDataset[Student].collate_fn(students(3))
    assert torch.tensor(batch.label).tolist() == [0, 1, 2]
    assert torch.as_tensor(np.asarray(batch.label)).dtype == torch.int64
    assert torch.tensor(batch.weight).tolist() == [0.5] * 3


def test_shuffling_reads_each_document_once() -> None:
    dataset = MultiModalDataset[Student](students())
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(dataset, 3, shuffle=True, generator=generator, collate_fn=dataset.collate_fn)
    labels = [label for batch in loader for label in batch.label]
    assert sorted(labels) == list(range(10))
    assert labels != list(range(10))


def test_samplers_subsets_splits_and_sums() -> None:
    dataset = MultiModalDataset[Student](students(), {'label': lambda n: n + 100})

    def labels(data: Any, **options: Any) -> list[int]:
        loader = DataLoader(data, collate_fn=dataset.collate_fn, **options)
        return [label for batch in loader for label in batch.label]

    assert labels(Subset(dataset, [7, 2]), batch_size=2) == [107, 102]
    first, second = random_split(dataset, [0.7, 0.3], torch.Generator().manual_seed(0))
    assert sorted(labels(first, batch_size=4) + labels(second, batch_size=4)) == list(range(100, 110))
    only_third = WeightedRandomSampler([0, 0, 0, 1.0] + [0] * 6, 5)
    assert labels(dataset, sampler=only_third, batch_size=5) == [103] * 5
    assert labels(ConcatDataset([dataset, dataset]), batch_size=20) == [*range(100, 110)] * 2
    assert labels(dataset + dataset, batch_size=20) == [*range(100, 110)] * 2
    batches = BatchSampler(SequentialSampler(dataset), 4, drop_last=True)
    assert labels(dataset, sampler=batches, batch_size=None) == list(range(100, 108))


def test_a_collate_function_of_your_own_gets_documents() -> None:
    for source in (students(), students().stack()):
        for functions in ({}, {'label': lambda n: n + 1}):
            loader = DataLoader(
                MultiModalDataset[Student](source, functions),
                batch_size=10,
                collate_fn=lambda documents: [(isinstance(d, Student), d.label) for d in documents],
            )
            assert next(iter(loader)) == [(True, row + len(functions)) for row in range(10)]


@pytest.mark.filterwarnings('ignore:.*pin_memory.*:UserWarning')  # where there is no device to pin for
def test_a_batch_can_be_pinned() -> None:
    dataset = MultiModalDataset[Student](students(4), FUNCTIONS)
    batch = next(iter(DataLoader(dataset, batch_size=4, collate_fn=dataset.collate_fn, pin_memory=True)))
    assert batch == dataset.collate_fn(list(dataset))
    for column in (batch.image, batch.scan, batch.thesis.title.embedding):
        assert column.is_pinned() == torch.cuda.is_available()


# --------------------------------------------------------------------------------------------- items


def test_length_items_and_iteration() -> None:
    source = students()
    dataset = MultiModalDataset[Student](source, {'label': lambda n: -n})
    assert len(dataset) == 10
    assert isinstance(dataset, Dataset)
    assert (dataset[3].label, dataset[-1].label, dataset[np.int64(2)].label) == (-3, -9, -2)
    assert [document.label for document in dataset] == [-row for row in range(10)]
    for index in (10, -11):
        with pytest.raises(IndexError):
            dataset[index]
    assert dataset[3].thesis is source[3].thesis


def test_an_item_is_a_document_of_its_own_each_time() -> None:
    for source in (students(), students().stack()):
        for functions in ({}, {'weight': lambda w: w}):
            dataset = MultiModalDataset[Student](source, functions)
            item = dataset[0]
            item.label = 77
            assert (dataset[0].label, source[0].label) == (0, 0)
            assert not item.is_view()


def test_slices_are_datasets() -> None:
    dataset = MultiModalDataset[Student](students(), {'label': lambda n: -n})
    some = dataset[2:5]
    assert type(some) is type(dataset)
    assert [document.label for document in some] == [-2, -3, -4]
    assert [document.label for document in dataset[[8, 1]]] == [-8, -1]


def test_a_subclass_with_items_of_its_own() -> None:
    class Shifted(MultiModalDataset[Student]):
        def __getitem__(self, index: Any) -> Any:
            document = super().__getitem__(index)
            document.label += 1000
            return document

    dataset = Shifted(students(3))
    loader = DataLoader(dataset, batch_size=3, collate_fn=dataset.collate_fn)
    assert next(iter(loader)).label == [1000, 1001, 1002]
    assert dataset.document_type is Student


def test_names_of_arguments_and_attributes() -> None:
    source = students(2)
    for dataset in (
        MultiModalDataset[Student](source),
        MultiModalDataset[Student](da=source, preprocessing=None),
        MultiModalDataset[Student](docs=source, preprocessing={}),
    ):
        assert dataset.da is source
        assert dataset.docs is source
        assert dataset.document_type is Student
        assert dataset.doc_type is Student
        assert dict(dataset.preprocessing) == {}
    for wrong in ({}, {'da': source, 'docs': source}):
        with pytest.raises(TypeError, match='docs'):
            MultiModalDataset[Student](**wrong)


# --------------------------------------------------------------------------------------------- types


def test_a_typed_dataset_is_one_real_class() -> None:
    typed = MultiModalDataset[Student]
    assert typed is MultiModalDataset[Student]
    assert issubclass(typed, MultiModalDataset)
    assert typed.document_type is Student
    assert typed.__name__ == 'MultiModalDataset[Student]'
    assert pickle.loads(pickle.dumps(typed)) is typed
    assert pickle.loads(pickle.dumps(typed.collate_fn)) == typed.collate_fn


def test_an_untyped_dataset_takes_the_type_of_its_documents() -> None:
    for source in (students(2), students(2).stack()):
        dataset = MultiModalDataset(source, {'thesis.title': embed_title})
        assert type(dataset) is MultiModalDataset[Student]
        assert MultiModalDataset.collate_fn(list(dataset)).document_type is Student
        assert MultiModalDataset.collate_fn(source).document_type is Student
        assert MultiModalDataset.collate_fn(list(source)).document_type is Student


def test_documents_of_another_class_are_refused() -> None:
    texts = DocumentArray[Text]([Text(text='a')])
    with pytest.raises(InvalidValueError, match='class Text, wanted Student'):
        MultiModalDataset[Student](texts)
    with pytest.raises(InvalidValueError, match='a Text, wanted documents of class Student'):
        MultiModalDataset[Student].collate_fn(texts)
    for source in (list(students(1)), DocumentArray(students(1)), None, 'da'):
        with pytest.raises((DocArrayError, TypeError)):
            MultiModalDataset(source)


def test_documents_of_a_subclass_are_taken() -> None:
    class Phd(Student):
        pass

    source = DocumentArray[Phd](Phd(**dict(student)) for student in students(2))
    dataset = MultiModalDataset[Student](source, {'label': lambda n: n + 1})
    assert [type(document) for document in dataset] == [Phd, Phd]


def test_wrong_preprocessing_is_refused_when_the_dataset_is_made() -> None:
    with pytest.raises(PathError, match="mean 'thesis'"):
        MultiModalDataset[Student](students(1), {'thesys': len})
    with pytest.raises(InvalidValueError):
        MultiModalDataset[Student](students(1), {'thesis': 3})


# ------------------------------------------------------------------------------------------- columns


class Mixed(BaseDocument):
    declared: NdArray
    image: ImageNdArray
    open: AnyTensor
    missing: NdArray | None = None
    either: NdArray | TorchTensor


def test_columns_are_torch_tensors_whatever_was_declared() -> None:
    rows = DocumentArray[Mixed](
        Mixed(
            declared=np.full(2, row, np.float16),
            image=np.zeros((2, 2, 3), np.uint8),
            open=np.zeros(3) if row else torch.zeros(3, dtype=torch.float64),
            missing=np.ones(2) if row else None,
            either=np.zeros(1, np.float32),
        )
        for row in range(2)
    )
    batch = MultiModalDataset[Mixed].collate_fn(rows)
    assert type(batch.declared) is TorchTensor
    assert batch.declared.dtype == torch.float16
    assert type(batch.image).__name__ == 'ImageTorchTensor'
    assert type(batch.open) is type(batch.either) is TorchTensor
    assert batch.missing.tolist() == [[0, 0], [1, 1]]
    assert batch.validity('missing').tolist() == [False, True]
    row = batch[1]
    assert type(row.declared) is TorchTensor
    row.declared = np.full(2, 7, np.float16)
    assert batch.declared[1].tolist() == [7, 7]
    assert batch[0].missing is None
    assert type(batch.unstack()[1].image).__name__ == 'ImageTorchTensor'
    assert type(rows[0].declared) is NdArray


@pytest.mark.parametrize(('name', 'cls'), [('tensorflow', 'TensorFlowTensor'), ('jax', 'JaxArray')])
def test_tensors_of_other_frameworks_become_torch_tensors(name: str, cls: str) -> None:
    pytest.importorskip(name)
    from docarray import typing

    class Doc(BaseDocument):
        tensor: getattr(typing, cls)[2]  # type: ignore[misc]

    rows = DocumentArray[Doc](Doc(tensor=np.full(2, row, np.float32)) for row in range(3))
    dataset = MultiModalDataset[Doc](rows, {'tensor': lambda tensor: tensor + 1})
    batch = dataset.collate_fn([dataset[0], dataset[2]])
    assert type(batch.tensor) is TorchTensor
    assert batch.tensor.tolist() == [[1, 1], [3, 3]]
    batch.tensor.add_(1)
    assert np.asarray(rows[0].tensor).tolist() == [0, 0]


def test_batches_share_no_tensor_memory_with_the_source() -> None:
    for source in (students(2), students(2).stack()):
        dataset = MultiModalDataset[Student](source)
        batch = next(iter(DataLoader(dataset, batch_size=2, collate_fn=dataset.collate_fn)))
        batch.image.add_(5)
        batch.scan.add_(5)
        batch[0].label = 9
        assert float(source[0].image.sum()) == 0
        assert source[0].scan.sum() == 0
        assert source[0].label == 0


def test_gradients_reach_the_source() -> None:
    weight = torch.ones(4, requires_grad=True)
    texts = DocumentArray[Text]([Text(text='a', embedding=weight)])
    dataset = MultiModalDataset[Text](texts, {'embedding': lambda e: e * 3})
    dataset.collate_fn([dataset[0]]).embedding.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [3, 3, 3, 3]


def test_shapes_that_differ_are_named() -> None:
    class Any2(BaseDocument):
        t: TorchTensor

    rows = DocumentArray[Any2]([Any2(t=torch.zeros(2)), Any2(t=torch.zeros(3))])
    with pytest.raises(StackError, match=r'Any2\.t.*\(2,\) and \(3,\)'):
        MultiModalDataset[Any2].collate_fn(rows)


def test_an_empty_batch_and_an_empty_source() -> None:
    empty = DocumentArray[Student]()
    dataset = MultiModalDataset[Student](empty, FUNCTIONS)
    assert len(dataset) == 0
    assert len(dataset.collate_fn([])) == 0
    assert list(DataLoader(dataset, batch_size=2, collate_fn=dataset.collate_fn)) == []


@pytest.mark.parametrize('stacked', [False, True])
def test_errors_come_through_the_loader(stacked: bool) -> None:
    source = students().stack() if stacked else students()
    dataset = MultiModalDataset[Student](source, {'label': lambda n: 1 // (n - 5)})
    with pytest.raises(
        PreprocessError, match=r'Student.label of document 5 \(id s5\).*ZeroDivisionError'
    ) as caught:
        list(DataLoader(dataset, batch_size=4, collate_fn=dataset.collate_fn))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# ------------------------------------------------------------------------------------------ pickling


@pytest.mark.parametrize('stacked', [False, True])
def test_a_dataset_can_be_pickled_and_copied(stacked: bool) -> None:
    dataset = MultiModalDataset[Student](students().stack() if stacked else students(), FUNCTIONS)
    for again in (pickle.loads(pickle.dumps(dataset)), copy.copy(dataset), copy.deepcopy(dataset)):
        assert type(again) is type(dataset)
        assert again.collate_fn(list(again)) == dataset.collate_fn(list(dataset))
        assert list(again.preprocessing) == list(FUNCTIONS)


def test_pickled_rows_keep_their_tensors() -> None:
    class Free(BaseDocument):
        t: TorchTensor
        same: Any = None

    first = torch.arange(6).reshape(2, 3)
    rows = DocumentArray[Free](
        [
            Free(t=first.T, same=first),
            Free(t=torch.tensor(2.5, dtype=torch.bfloat16)),
            Free(t=torch.zeros(0, 4), same=[torch.tensor([True, False])]),
            Free(t=torch.ones(2, requires_grad=True), same=np.ones(2)),
            Free(t=torch.zeros(1), same=torch.eye(2).to_sparse()),
        ]
    )
    again = pickle.loads(pickle.dumps(MultiModalDataset[Free](rows))).da
    for old, new in zip(rows, again, strict=True):
        assert type(new.t) is TorchTensor
        assert (new.t.dtype, new.t.shape) == (old.t.dtype, old.t.shape)
        assert torch.equal(new.t, old.t)
    assert torch.equal(again[0].same, first)
    assert again[2].same[0].tolist() == [True, False]
    assert torch.equal(again[4].same.to_dense(), torch.eye(2))


def test_importing_docarray_data_leaves_torch_alone() -> None:
    code = """
    import sys
    import docarray.data
    assert 'MultiModalDataset' in dir(docarray.data)
    assert 'torch' not in sys.modules
    from docarray.data import MultiModalDataset
    assert 'torch' in sys.modules
    """
    subprocess.run([sys.executable, '-c', textwrap.dedent(code)], check=True, timeout=100)
