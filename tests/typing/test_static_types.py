"""What a type checker sees in users' code: mypy --strict on a program, and the types it reveals."""

import re
import subprocess
import sys

import pytest

pytest.importorskip('mypy')

PROGRAM = """
from typing import Annotated, Optional

import numpy as np
import numpy.typing as npt

from docarray import BaseDoc, BaseDocument, DocList, DocumentArray, DocumentArrayStacked
from docarray.documents import Text
from docarray.typing import NdArray, Shape


class Thesis(BaseDocument):
    title: Text
    pages: int = 0


class Student(BaseDocument):
    name: str
    thesis: Thesis
    embedding: Annotated[npt.NDArray[np.float32], Shape(3)]
    photo: Optional[NdArray] = None


student = Student(name='Ada', thesis=Thesis(title=Text(text='On engines')), embedding=np.zeros(3, np.float32))
students = DocumentArray[Student]([student])
reveal_type(student.name)
reveal_type(student.thesis.title.text)
reveal_type(students)
reveal_type(students[0])
reveal_type(students[0:1])
reveal_type([one for one in students])
reveal_type(students.stack())
reveal_type(students.stack()[0])
reveal_type(students.stack().unstack())
reveal_type([one for one in students.stack()])
reveal_type(DocList[Student]())
reveal_type(Student.from_json('{}'))
reveal_type(student.copy())
"""

REVEALED = [
    'str',
    'str | None',
    'DocumentArray[Student]',
    'Student',
    'DocumentArray[Student]',
    'list[Student]',
    'DocumentArrayStacked[Student]',
    'Student',
    'DocumentArray[Student]',
    'list[Student]',
    'DocumentArray[Student]',
    'Student',
    'Student',
]


@pytest.fixture(scope='module')
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp('typing')
    (folder / 'program.py').write_text(PROGRAM)
    command = [sys.executable, '-m', 'mypy', '--strict', '--cache-dir', str(folder / 'cache'), 'program.py']
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    return done.stdout + done.stderr


def test_no_errors_in_users_code(checked):
    assert 'error:' not in checked


def test_types_that_are_revealed(checked):
    found = re.findall(r'Revealed type is "(.*?)"', checked)
    short = [re.sub(r'(?:[a-z_]+\.)+', '', text) for text in found]
    assert short == REVEALED
