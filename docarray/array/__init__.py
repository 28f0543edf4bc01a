"""The two containers: DocumentArray (rows) and DocumentArrayStacked (columns)."""

from docarray.array.columns import DocumentArrayStacked
from docarray.array.rows import DocumentArray

#: The names of versions 0.30 to 0.41.
DocList, DocVec = DocumentArray, DocumentArrayStacked

__all__ = ['DocList', 'DocVec', 'DocumentArray', 'DocumentArrayStacked']
