"""Runs changes of the store in a thread, one at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .errors import ApiError
from .ledger import Ledger, Options
from .store import Store


class Engine:
    """The store of one process. `changed` is set whenever there may be something to deliver."""

    def __init__(self, path: Path, options: Options) -> None:
        self.store, self.options = Store(path), options
        self.executor = ThreadPoolExecutor(1, "payment-simulator")
        self.changed = asyncio.Event()

    async def change[T](self, work: Callable[[Ledger], T], base_url: str = "") -> T:
        """Run work in a write transaction. It is committed too if it ends with an ApiError."""
        try:
            return await self._in_thread(lambda: self._change(work, base_url))
        finally:
            self.changed.set()

    async def read[T](self, sql: str, *values: object) -> list[T]:
        """Return the rows of a SELECT."""
        return await self._in_thread(lambda: self.store.read(sql, *values))

    async def close(self) -> None:
        """Close the store and end the thread."""
        await self._in_thread(self.store.close)
        self.executor.shutdown(wait=False)

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    def _change[T](self, work: Callable[[Ledger], T], base_url: str) -> T:
        with self.store.transaction() as tx:
            try:
                return work(Ledger(tx, self.options, base_url))
            except ApiError as error:
                refusal = error
        raise refusal
