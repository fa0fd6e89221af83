"""The order in which processes of xdist take the test modules: those that take longest first.

Otherwise one process would still run a long module when the others have nothing left. On two
processors two of the three processes take modules that compute, and one those that wait: three that
compute need 15 % more CPU time for the same tests. Modules that use the same server are for one
process.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

COMPUTING = (
    "tests/architecture/test_new_area.py",
    "tests/contract/test_audits.py",
    "tests/test_serving.py",
    "tests/contract/test_conformance.py",
    "tests/doors/graphql/test_both_executors.py",
    # These share the rows of a process: those that look at all rows come before those that create
    # many.
    "tests/parity/test_oracle.py",
    "tests/parity/test_read_cache.py",
    "tests/parity/test_prices.py",
    "tests/parity/test_selections.py",
    "tests/parity/test_read_cache_writes.py",
    "tests/parity/access/test_access.py",
    "tests/parity/test_statements.py",
    "tests/parity/",
    "tests/areas/catalog/import_export/",
    "tests/reliability/test_cache_sizes.py",
)
"""Modules and folders that took more than 5 seconds of CPU time on 2026-12-01."""

WAITING = (
    "tests/reliability/payments/",
    "tests/test_cli.py",
    "tests/reliability/test_start_refused.py",
    "tests/reliability/test_database_outages.py",
    "tests/reliability/test_invalidation.py",
    "tests/reliability/test_persisted.py",
    "tests/test_worker.py",
    "tests/test_readme.py",
    "tests/reliability/test_workers.py",
    "tests/reliability/",
    "tests/payment_simulator/",
    "tests/db/test_migrations.py",
    "tests/doors/test_later_area.py",
    "tests/areas/accounts/test_oauth_clients.py",
    "tests/areas/accounts/test_revocations.py",
    "tests/areas/accounts/test_user_api_keys.py",
    "tests/kit/test_attempts.py",
    "tests/kit/test_relay.py",
    "tests/kit/test_shared_limits.py",
)
"""Modules and folders that wait for processes or for time: more than 4 seconds."""

PAYMENTS = "tests/reliability/payments/"
LEDGER = f"{PAYMENTS}test_provider_ledger.py::test_the_ledger_of_the_provider_equals_ours"
TOGETHER = (
    (f"{PAYMENTS}test_open_payment_races.py", f"{LEDGER}[at_once]"),
    (
        f"{PAYMENTS}test_killed_server.py",
        f"{PAYMENTS}test_payment_histories.py",
        f"{PAYMENTS}test_payment_races.py",
        f"{LEDGER}[manual]",
    ),
    (
        "tests/reliability/test_read_your_writes.py",
        "tests/reliability/test_checkout.py",
        "tests/reliability/test_refund_races.py",
    ),
)
"""Modules and tests with the same server; see `RunningServers`."""


class Scheduling(LoadScopeScheduling):
    """Gives a process all tests of a module, or of modules that are run together.

    The first process takes those that wait, the others those that compute, until there is no more.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.rpartition("::")[0]
        return next((starts[0] for starts in TOGETHER if nodeid.startswith(starts)), module)

    def _assign_work_unit(self, node: Any) -> None:
        is_first = node is self.nodes[0]
        scope = next((s for s in self.workqueue if _is_waiting(s) == is_first), next(iter(self.workqueue)))
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


def position(item: pytest.Item) -> int:
    """Return the place of a test's module."""
    names = (*COMPUTING, *WAITING)
    return next((place for place, name in enumerate(names) if item.nodeid.startswith(name)), len(names))


def _is_waiting(scope: str) -> bool:
    return scope.startswith(WAITING) and not scope.startswith(COMPUTING)
