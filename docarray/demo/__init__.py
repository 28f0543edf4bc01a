"""The main job, from documents to a searchable web service, on 1,797 real handwritten digits.

Read it in this order: ``digits`` (the documents), ``towers`` (model, training, retrieval), ``service``
(the trained model over HTTP), ``report`` (what is shown). ``run`` plays all of it.
"""

from docarray.demo.play import run

__all__ = ['run']
