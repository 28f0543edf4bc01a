"""The ``docarray`` command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import docarray
from docarray._lazy import EXTRAS
from docarray.errors import DocArrayError, InvalidValueError, MissingExtraError, show
from docarray.lowering import is_document


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status.

    Args:
        arguments: What stands behind ``docarray``; by default that of this process.

    Example:
        >>> main([])
        2
    """
    parser = argparse.ArgumentParser(prog='docarray', description=docarray.__doc__.splitlines()[0])
    parser.add_argument('--version', action='version', version=docarray.__version__)
    commands = parser.add_subparsers(dest='command')
    demo = commands.add_parser('demo', help='train, search and serve handwritten digits, in about a minute')
    demo.add_argument('--seed', type=int, default=0, help='equal seeds give equal figures (default 0)')
    demo.add_argument('--epochs', type=int, default=8, help='passes over the training images (default 8)')
    demo.add_argument('--workers', type=int, default=2, help='processes that prepare batches (default 2)')
    demo.add_argument('--out', default='docarray-demo.html', help='the page to write (default %(default)s)')
    demo.set_defaults(run=_demo)
    migrate = commands.add_parser('migrate', help='move documents of files of earlier versions to a store')
    migrate.add_argument('old', help='a file of save_binary or to_json, or of a file store (.docs)')
    migrate.add_argument('new', help='the URL of the array, such as file:///data/pages')
    migrate.add_argument(
        '--as', dest='kind', required=True, metavar='MODULE:CLASS', help='the document class'
    )
    migrate.add_argument('--protocol', help='of a file of save_binary whose name does not say it')
    migrate.add_argument('--compress', help='of a file of save_binary whose name does not say it')
    migrate.add_argument('--overwrite', action='store_true', help='replace an array that is there')
    migrate.set_defaults(run=_migrate)
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_usage(sys.stderr)
        return 2
    try:
        given.run(given)
    except MissingExtraError as error:
        sys.stderr.write(f'docarray: {error}\n')
        return 1
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        sys.stderr.write(f"docarray: the demo needs {error.name}: pip install 'docarray[demo]'\n")
        return 1
    except DocArrayError as error:
        sys.stderr.write(f'docarray: {error}\n')
        return 1
    return 0


def _demo(given: argparse.Namespace) -> None:
    from docarray.demo import run

    run(seed=given.seed, epochs=given.epochs, workers=given.workers, out=given.out)


def _migrate(given: argparse.Namespace) -> None:
    from docarray.stores.migrate import migrate

    found = migrate(
        _document_class(given.kind),
        given.old,
        given.new,
        protocol=given.protocol,
        compress=given.compress,
        overwrite=given.overwrite,
        show_progress=sys.stderr.isatty(),
    )
    sys.stdout.write(f'{found.documents:,} documents, {found.size:,} bytes at {found.url}\n')


def _document_class(name: str) -> Any:
    """Return the document class that ``module:Class`` names; modules of the current folder are found too."""
    module, _, attribute = name.partition(':')
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidValueError(
            where='--as', got=show(name), wanted='a module that can be imported, a colon and a class in it'
        ) from error
    finally:
        sys.path.pop(0)
    if not is_document(found):
        raise InvalidValueError(where='--as', got=show(found), wanted='a document class')
    return found


if __name__ == '__main__':
    sys.exit(main())
