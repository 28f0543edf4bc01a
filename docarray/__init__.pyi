from docarray.array.columns import DocumentArrayStacked as DocumentArrayStacked
from docarray.array.rows import DocumentArray as DocumentArray
from docarray.document import AnyDocument as AnyDocument
from docarray.document import BaseDocument as BaseDocument
from docarray.document import BaseDocumentWithoutId as BaseDocumentWithoutId
from docarray.formats.protobuf.legacy import unpickle_doclist as unpickle_doclist
from docarray.formats.protobuf.legacy import unpickle_docvec as unpickle_docvec
from docarray.schema import schema_of as schema_of

AnyDoc = AnyDocument
BaseDoc = BaseDocument
BaseDocWithoutId = BaseDocumentWithoutId
DocList = DocumentArray
DocVec = DocumentArrayStacked

__version__: str
__all__ = [
    'AnyDoc',
    'AnyDocument',
    'BaseDoc',
    'BaseDocWithoutId',
    'BaseDocument',
    'BaseDocumentWithoutId',
    'DocList',
    'DocVec',
    'DocumentArray',
    'DocumentArrayStacked',
    '__version__',
    'schema_of',
    'unpickle_doclist',
    'unpickle_docvec',
]
