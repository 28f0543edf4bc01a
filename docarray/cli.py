"""The ``docarray`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import docarray
from docarray._lazy import EXTRAS
from docarray.errors import MissingExtraError


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
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_usage(sys.stderr)
        return 2
    try:
        from docarray.demo import run

        run(seed=given.seed, epochs=given.epochs, workers=given.workers, out=given.out)
    except MissingExtraError as error:
        sys.stderr.write(f'docarray: {error}\n')
        return 1
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        sys.stderr.write(f"docarray: the demo needs {error.name}: pip install 'docarray[demo]'\n")
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
