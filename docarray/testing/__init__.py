"""Contract suites: subclass one to prove a plug-in of your own. They need hypothesis and numpy."""

from docarray.testing.frameworks import FrameworkContract

__all__ = ['FrameworkContract']
