"""The two containers: DocumentArray (rows) and DocumentArrayStacked (columns)."""

from docarray.array.columns import DocumentArrayStacked
from docarray.array.rows import DocumentArray

__all__ = ['DocumentArray', 'DocumentArrayStacked']
