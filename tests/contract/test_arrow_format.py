"""The Arrow format keeps the contract of formats."""

from __future__ import annotations

import pytest

from docarray.formats import get_format
from docarray.testing import FormatContract

pytest.importorskip('pyarrow')


class TestArrowFormat(FormatContract):
    format = get_format('arrow')
