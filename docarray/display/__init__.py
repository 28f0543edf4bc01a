"""Summaries of documents, arrays and classes: text for terminals, HTML for notebooks.

One description step, bounded in size and time, feeds both; ``text`` draws it plainly or with rich,
``html`` with small pictures of what is an image.
"""

from docarray.display.html import to_html
from docarray.display.text import show, show_schema, to_rich, to_text

__all__ = ['show', 'show_schema', 'to_html', 'to_rich', 'to_text']
