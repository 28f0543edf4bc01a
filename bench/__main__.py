"""``python -m bench [NAME ...] [--quick]``: run the benchmarks, print one table, write it to ``results/``."""

from __future__ import annotations

import os

# Before numpy and torch are imported: they read these once. One thread each, for both sides.
THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
os.environ.update(dict.fromkeys(THREADS, '1'))

from bench.report import main  # noqa: E402

if __name__ == '__main__':
    raise SystemExit(main())
