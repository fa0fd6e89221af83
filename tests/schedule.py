"""The order in which processes of xdist take the test modules: those that take longest first.

Otherwise one process would still run a long module when the others have nothing left. Modules that
use the same server are for one process.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST = (
    # They start processes, and wait for them.
    "tests/architecture/test_new_area.py",
    "tests/contract/test_audits.py",
    "tests/test_cli.py",
    "tests/test_serving.py",
    "tests/reliability/payments/",
    "tests/reliability/test_invalidation.py",
    "tests/reliability/test_leases.py",
    "tests/reliability/test_hostile_memory.py",
    "tests/reliability/test_start_refused.py",
    "tests/test_worker.py",
    "tests/doors/test_later_area.py",
    "tests/reliability/test_database_outages.py",
    "tests/reliability/test_redis_outages.py",
    "tests/reliability/test_read_your_writes.py",
    "tests/areas/accounts/test_oauth_clients.py",
    "tests/test_readme.py",
    # They compute. Those of tests/parity are together, because they share the rows of a process:
    # the ones that look at all rows come before the ones that create many.
    "tests/contract/test_conformance.py",
    "tests/doors/graphql/test_both_executors.py",
    "tests/parity/test_oracle.py",
    "tests/parity/test_read_cache.py",
    "tests/parity/test_prices.py",
    "tests/parity/test_selections.py",
    "tests/parity/test_read_cache_writes.py",
    "tests/parity/access/test_access.py",
    "tests/parity/test_statements.py",
    "tests/parity/",
    "tests/areas/catalog/import_export/",
)
"""Modules and folders that took more than 5 seconds of CPU time on 2026-11-30."""

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
    """Gives a process all tests of a module, or of modules that are run together."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.rpartition("::")[0]
        return next((starts[0] for starts in TOGETHER if nodeid.startswith(starts)), module)


def position(item: pytest.Item) -> int:
    """Return the place of a test's module."""
    places = [place for place, path in enumerate(LONGEST) if item.nodeid.startswith(path)]
    return places[0] if places else len(LONGEST)
