"""Garbage collection in the processes of the tests, and for tests of what it frees."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

OFTEN, RARELY = 1_000_000, 20_000_000
"""Objects that are created before a collection. A process of `just test` creates 14 million."""
MUCH_MEMORY = 12 * 2**30
"""If fewer bytes are available, garbage is collected often: else three processes grow to 5 GB."""


def collect_rarely() -> None:
    """Keep the objects so far out of collections, because imports live on, and hardly ever collect.

    A collection takes 1 to 3 us an object, which was a tenth of the time of all tests.
    """
    gc.freeze()
    gc.set_threshold(RARELY if psutil.virtual_memory().available >= MUCH_MEMORY else OFTEN, 20, 100)


def ignore_old_objects() -> None:
    """Keep the objects so far out of collections: the next is fast and frees only newer ones."""
    gc.freeze()


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect nothing until the end of the block. `gc.get_objects()` returns only newer objects."""
    ignore_old_objects()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
