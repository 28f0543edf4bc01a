from docarray.array.columns import DocumentArrayStacked as DocumentArrayStacked
from docarray.array.columns import DocumentArrayStacked as DocVec
from docarray.array.rows import DocumentArray as DocList
from docarray.array.rows import DocumentArray as DocumentArray
from docarray.document import AnyDocument as AnyDoc
from docarray.document import AnyDocument as AnyDocument
from docarray.document import BaseDocument as BaseDoc
from docarray.document import BaseDocument as BaseDocument
from docarray.document import BaseDocumentWithoutId as BaseDocumentWithoutId
from docarray.document import BaseDocumentWithoutId as BaseDocWithoutId
from docarray.schema import schema_of as schema_of

__version__: str
__all__: list[str]
