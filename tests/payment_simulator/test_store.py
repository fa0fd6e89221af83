"""The store of the payment simulator."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tradepost.payment_simulator.store import Store

CHANGES = 100


def test_changes_of_several_connections_wait_for_each_other(tmp_path: Path) -> None:
    def count(number: int) -> None:
        store = Store(tmp_path / "simulator.db")
        for _ in range(CHANGES):
            with store.transaction() as tx:
                tx.set("count", (tx.setting("count") or 0) + 1)
        store.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    store = Store(tmp_path / "simulator.db")
    with store.transaction() as tx:
        assert tx.setting("count") == 4 * CHANGES
    store.close()
