"""What the text that the project began from shows, as it shows it."""

import multiprocessing
import pickle

import pytest

from docarray import BaseDocument, DocumentArray
from docarray.documents import Text


class Thesis(BaseDocument):
    title: Text


class Student(BaseDocument):
    thesis: Thesis


def get_students(n=10):
    return DocumentArray[Student](Student(thesis=Thesis(title=f'title {i}')) for i in range(n))


def embed_title(title):
    torch = pytest.importorskip('torch')
    title.embedding = torch.full((16,), float(len(title.text)))


def normalize_embedding(thesis):
    thesis.title.embedding = thesis.title.embedding / thesis.title.embedding.norm()


@pytest.mark.parametrize('workers', [0, 2])
def test_a_dataset_for_the_dataloader(workers):
    pytest.importorskip('torch')
    from torch.utils.data import DataLoader

    from docarray.data import MultiModalDataset

    da: DocumentArray[Student] = get_students()
    ds: MultiModalDataset[Student] = MultiModalDataset[Student](
        da,
        preprocessing={'thesis.title': embed_title, 'thesis': normalize_embedding},
    )
    loader: DataLoader = DataLoader(
        ds, batch_size=4, collate_fn=MultiModalDataset[Student].collate_fn, num_workers=workers
    )
    batches = list(loader)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert batches[0].thesis.title.embedding.norm(dim=1).tolist() == pytest.approx([1.0] * 4)
    assert batches[0].thesis.title.text == ['title 0', 'title 1', 'title 2', 'title 3']
    assert all(student.thesis.title.embedding is None for student in da)


def test_tensorflow_takes_our_tensor_for_its_own():
    tf = pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    t = TensorFlowTensor(tensor=tf.zeros((224, 224)))
    for value in (t.tensor, t.unwrap(), t):
        assert tf.broadcast_to(value, (3, 224, 224)).shape == (3, 224, 224)


def test_a_tensor_type_of_ones_own():
    tf = pytest.importorskip('tensorflow')
    import pydantic
    from docarray.typing.tensor.abstract_tensor import AbstractTensor

    from docarray.typing import TensorFlowTensor

    assert issubclass(TensorFlowTensor, AbstractTensor)
    made = pydantic.TypeAdapter(TensorFlowTensor).validate_python(tf.zeros((5,)))
    assert isinstance(made, TensorFlowTensor)
    assert made.shape == (5,)


def get_class(version):
    class B(BaseDocument):
        number: int = version

    return B


def make(cls):
    return cls(number=cls().number + 10)


def test_classes_made_by_a_function_cross_processes():
    first, second = get_class(1), get_class(2)
    with multiprocessing.get_context('fork').Pool(2) as pool:
        made = pool.map_async(make, [first, second, first]).get(timeout=60)
    assert [type(one) for one in made] == [first, second, first]
    assert [one.number for one in made] == [11, 12, 11]


def test_classes_made_by_a_function_pickle_without_globals():
    before = set(globals())
    made = get_class(3)
    loaded = pickle.loads(pickle.dumps(made()))
    assert type(loaded) is made
    assert pickle.loads(pickle.dumps(DocumentArray[made])) is DocumentArray[made]
    assert set(globals()) == before
