"""The Arrow file format keeps the contract of formats."""

from __future__ import annotations

import pytest

from docarray.formats import get_format
from docarray.testing import FormatContract

pytest.importorskip('pyarrow')


class TestArrowFileFormat(FormatContract):
    format = get_format('arrow-file')
    reads_early = False  # what is where stands at the end of the file
