"""Contract suites: subclass one to prove a plug-in of your own. They need hypothesis and numpy."""

from docarray.testing.formats import FormatContract
from docarray.testing.frameworks import FrameworkContract
from docarray.testing.stores import StoreContract

__all__ = ['FormatContract', 'FrameworkContract', 'StoreContract']
