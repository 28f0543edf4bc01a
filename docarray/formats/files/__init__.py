"""Documents and arrays as bytes and as files.

``binary`` has what ``to_bytes``, ``save_binary`` and their counterparts do. ``protocols`` is the table of
ways to write an array; ``protobuf``, ``arrow``, ``json`` and ``pickle`` have their readers and writers.
Below them are the parts that they share: where bytes come from and go to (``inputs``, ``outputs``,
``storage``), compression, and checksums at the end of a file or around its blocks (``tails``, ``seals``).
"""
