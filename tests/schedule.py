"""The order in which processes of xdist take the test modules: those that take longest first.

Otherwise one process would still run a long module when the others have nothing left. Modules that
wait are spread among those that compute, so that the processors always have work. Modules that use
the same server are for one process.
"""

from collections.abc import Sequence

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
    """Gives a process all tests of a module, or of modules that are run together."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.rpartition("::")[0]
        return next((starts[0] for starts in TOGETHER if nodeid.startswith(starts)), module)


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests module by module: after every second that computes comes one that waits."""
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = sorted([m for m in modules if _is_waiting(m)], key=lambda m: _place(m, WAITING))
    computing = sorted([m for m in modules if not _is_waiting(m)], key=lambda m: _place(m, COMPUTING))
    order: list[str] = []
    for number, module in enumerate(computing):
        order += [module, waiting.pop(0)] if waiting and number % 2 == 0 else [module]
    return [item for module in (*order, *waiting) for item in modules[module]]


def _is_waiting(module: str) -> bool:
    return module.startswith(WAITING) and module not in COMPUTING


def _place(module: str, names: Sequence[str]) -> int:
    """Return the place of the first name that a module has or starts with."""
    return next((place for place, name in enumerate(names) if module.startswith(name)), len(names))
