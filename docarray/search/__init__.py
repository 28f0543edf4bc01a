"""Exact search, filters, maps and reductions over arrays of documents."""

from docarray.search.filter import filter_docs, filter_mask
from docarray.search.find import FindResult, FindResultBatched, find, find_batched
from docarray.search.map import map_docs, map_docs_batched
from docarray.search.reduce import reduce, reduce_all

__all__ = [
    'FindResult',
    'FindResultBatched',
    'filter_docs',
    'filter_mask',
    'find',
    'find_batched',
    'map_docs',
    'map_docs_batched',
    'reduce',
    'reduce_all',
]
