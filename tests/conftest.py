"""Shared fixtures: one real database per xdist worker, the app over it, and HTTP clients.

All of them run on one event loop. `--database sqlite` (the default) runs the app on SQLite and
memory, `--database postgresql` on PostgreSQL and Redis. TEST_DATABASE_URL and TEST_REDIS_URL name
servers to use instead of the ones that the tests start.
"""

import gc
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
from httpx._transports import default as httpx_transports

from tests import servers
from tests.app_client import HERE, AppClient
from tests.figures import IS_TORTURE, figures
from tests.schedule import Scheduling, in_order
from tests.servers import SECRET_KEY, Run, copy_of_template, empty_database, redis_url
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

BUDGETS = (
    "BUDGET_ANONYMOUS",
    "BUDGET_CUSTOMER",
    "BUDGET_STAFF",
    "BUDGET_LOGIN_ACCOUNT",
    "BUDGET_LOGIN_ADDRESS",
    "BUDGET_LOGIN_ACCOUNT_HOUR",
    "BUDGET_EMAILS",
    "BUDGET_CART_TOKENS",
)

# Otherwise each client would read the certificates of all authorities, which takes 17 ms.
httpx_transports.create_ssl_context = cache(httpx_transports.create_ssl_context)  # pyright: ignore

# A slow machine must not fail a property.
hypothesis.settings.register_profile(
    "tradepost", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tradepost")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--database`."""
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="The database of this run; postgresql also uses Redis.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the controlling process; xdist workers only use them.

    So does pytest in a test that names its run.
    """
    if "TRADEPOST_TEST_RUN" in os.environ or config.option.collectonly:
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    processes = config.getoption("numprocesses", None) or 1
    stack.enter_context(servers.servers(str(config.getoption("--database")), processes)).export()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With PostgreSQL, deselect tests that need no database or are marked `once`.

    In processes of xdist, put the modules in the order of `tests/schedule.py`.
    """
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)
    if config.getoption("--database") == "sqlite":
        return
    repeated = [i for i in items if "run" in getattr(i, "fixturenames", ()) and i.get_closest_marker("once") is None]
    config.hook.pytest_deselected(items=[i for i in items if i not in set(repeated)])
    items[:] = repeated


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Give modules that share a server to one process of xdist."""
    return Scheduling(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import and collect without garbage collections: hardly anything of it is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Keep what has been imported out of garbage collections, and collect rarely.

    With Python's own threshold, collections took 8 % of the time. Without any, no time was saved:
    a process grew from 0.9 to 2.2 GB.
    """
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 100)


def pytest_report_header(config: pytest.Config) -> str:
    """Name the database of this run."""
    names = {"sqlite": "SQLite and memory", "postgresql": "PostgreSQL and Redis"}
    return f"app on {names[str(config.getoption('--database'))]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which tests could not run and why; scripts/test repeats it at its end.

    Print the figures of long scenarios under `just torture`, and those of failed tests.
    """
    if hasattr(terminalreporter.config, "workerinput"):
        return
    outcomes = ("passed", "failed") if IS_TORTURE else ("failed",)
    for text in figures([report for outcome in outcomes for report in terminalreporter.getreports(outcome)]):
        terminalreporter.write_line(f"FIGURE: {text}")
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped")
    )
    lines = [f"{count} tests could not run: {reason}" for reason, count in reasons.items()]
    for line in lines:
        terminalreporter.write_line(f"NOT RUN: {line}", yellow=True, bold=True)
    if lines and (notes := os.environ.get("TRADEPOST_NOT_RUN")):
        with Path(notes).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """One loop for session fixtures and tests, of the kind that the server uses."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def run() -> Run:
    """This run: its folder and servers."""
    return Run.from_environment()


@pytest.fixture(scope="session")
def cheap_passwords() -> None:
    """Make argon2 cheap (35 ms a hash otherwise), except in the tests of password hashing."""
    from tradepost.areas.accounts import password_hasher

    password_hasher.MEMORY, password_hasher.PASSES = 8 * password_hasher.LANES, 1


@pytest.fixture(scope="session", autouse=True)
def declared_events() -> None:
    """Refuse events that do not fit the declaration of their type."""
    from tradepost.kit.writes.event_types import EventTypes

    EventTypes.strict = True


@pytest.fixture(scope="session")
def settings(run: Run, worker_id: str, cheap_passwords: None) -> Settings:
    """The settings of the app under test, with this worker's copy of the template database."""
    return _settings(run, copy_of_template(run, _new_name(worker_id)), redis_url(run, worker_id))


@pytest.fixture
def fresh_settings(run: Run, worker_id: str, cheap_passwords: None) -> Callable[[], Settings]:
    """Return settings with a new copy of the template, for a test that needs its own app."""
    return lambda: _settings(run, copy_of_template(run, _new_name(worker_id)), redis_url(run, worker_id))


@pytest.fixture(scope="module")
def module_settings(run: Run, worker_id: str, cheap_passwords: None) -> Settings:
    """The settings with a new copy of the template, for the tests of one module."""
    return _settings(run, copy_of_template(run, _new_name(worker_id)), redis_url(run, worker_id))


@pytest.fixture
def empty_url(run: Run, worker_id: str) -> str:
    """A database without a table, for tests of migrations."""
    return _settings(run, empty_database(run, _new_name(worker_id)), None).database_url


@pytest.fixture
def bare_url(run: Run, worker_id: str) -> str:
    """A database with all tables and no rows, except those of the migrations."""
    return _settings(run, copy_of_template(run, _new_name(worker_id), bare=True), None).database_url


@pytest.fixture(scope="session")
async def app(settings: Settings, anyio_backend: object) -> AsyncIterator["TradepostApp"]:
    """The app, started."""
    from tradepost.app import create_app  # here, so that tests of single modules do not load the app

    app = create_app(settings)
    async with app.lifespan():
        yield app


@pytest.fixture(scope="session")
async def client(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client without a credential."""
    async with AppClient(app) as client:
        yield client


@pytest.fixture(scope="session")
def staff_key(settings: Settings) -> str:
    """A staff API key."""
    return servers.staff_key(settings.database_url)


@pytest.fixture(scope="session")
async def staff(app: "TradepostApp", staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a staff API key."""
    async with AppClient(app, headers={"X-API-Key": staff_key}) as client:
        yield client


def _settings(run: Run, database_url: str, redis_database_url: str | None) -> Settings:
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_database_url or "",
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": HERE,
        "POOL_SIZE": "4",
        "ACCESS_LOG": "off",
        "SIGNING_KEYS": str(run.folder / "signing_keys.json"),
        # Events stay in the outbox, where tests look at them; tests of the worker start their own.
        "WORKER": "off",
    }
    # Tests send thousands of requests a second, which must not be limited.
    environ |= dict.fromkeys(BUDGETS, "1000000000")
    environ |= {"OPEN_ORDERS": "0", "OPEN_ORDERS_PER_CLIENT": "0"}
    # Tests of other methods name them.
    environ |= {"PAYMENT_METHODS": "manual:bank_transfer"}
    return Settings.read(environ, env_file=None)


def _new_name(worker_id: str) -> str:
    return f"{worker_id}_{uuid4().hex[:8]}"
