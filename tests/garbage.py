"""For tests of what is freed without a garbage collection."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect nothing in the block, where `gc.get_objects()` returns only objects created in it."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
