"""What the tests share: one real database per worker, the shop over it on one event loop, and clients that call it in that loop.

`--database sqlite` (the default) is the shop on SQLite and memory, `--database postgresql` on PostgreSQL and Redis.
TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead of our own.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import hypothesis
import pytest

from tests.servers import SECRET_KEY, Run, copy_of_template, empty_database, redis_of, servers, tradepost
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HERE = "http://tradepost.test"
BUDGETS = ("BUDGET_ANONYMOUS", "BUDGET_CUSTOMER", "BUDGET_STAFF", "BUDGET_LOGIN_ACCOUNT", "BUDGET_LOGIN_ADDRESS")

# A busy machine is no fault of a property.
hypothesis.settings.register_profile(
    "tradepost", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tradepost")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Chooses what the shop stands on."""
    parser.addoption(
        "--database", choices=["sqlite", "postgresql"], default="sqlite", help="What the shop stands on in this run."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Starts the servers in the process that controls the run; its workers only use them."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(servers(config.getoption("--database"))).export()


def pytest_report_header(config: pytest.Config) -> str:
    """Says what this run stands on."""
    return (
        "shop on "
        + {"sqlite": "SQLite and memory", "postgresql": "PostgreSQL and Redis"}[config.getoption("--database")]
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what could not run here and why; scripts/test says it once more at its very end."""
    if hasattr(terminalreporter.config, "workerinput"):
        return
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
def anyio_backend() -> str:
    """One loop for session fixtures and tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def run() -> Run:
    """This run: its folder and servers."""
    return Run.of_worker()


@pytest.fixture(scope="session")
def settings(run: Run, worker_id: str) -> Settings:
    """The settings of the shop under test, over this worker's own copy of the template."""
    return _settings(run, copy_of_template(run, worker_id), redis_of(run, worker_id))


@pytest.fixture
def fresh_settings(run: Run, worker_id: str) -> Callable[[], Settings]:
    """Makes settings over another new copy of the template, for a test that needs a shop of its own."""
    return lambda: _settings(run, copy_of_template(run, _new_name(worker_id)), redis_of(run, worker_id))


@pytest.fixture
def empty_url(run: Run, worker_id: str) -> str:
    """A database without a table, for tests of migrations."""
    return _settings(run, empty_database(run, _new_name(worker_id)), None).database_url


@pytest.fixture(scope="session")
async def app(settings: Settings, anyio_backend: str) -> AsyncIterator["TradepostApp"]:
    """The shop, started. Tests of its parts do not load the whole of it."""
    from tradepost.app import create_app

    shop = create_app(settings)
    async with shop.lifespan():
        yield shop


@pytest.fixture(scope="session")
async def client(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A visitor without a credential."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def staff_key(run: Run, settings: Settings) -> str:
    """An API key of the staff, made by the command."""
    return tradepost(run, settings.database_url, "create-api-key", "--role", "staff", "--name", "tests").split()[-1]


@pytest.fixture(scope="session")
async def staff(app: "TradepostApp", staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A member of the staff."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=HERE, headers={"X-API-Key": staff_key}
    ) as member:
        yield member


def _settings(run: Run, database_url: str, redis_url: str | None) -> Settings:
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url or "",
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": HERE,
        "POOL_SIZE": "4",
        "ACCESS_LOG": "off",
    }
    environ["SIGNING_KEYS"] = str(run.folder / "signing_keys.json")
    # What is announced stays in the outbox for a test to look at; those of the worker start their own.
    environ["WORKER"] = "off"
    # A thousand requests in a second are no caller here that has to be slowed down.
    environ |= dict.fromkeys(BUDGETS, "1000000000")
    return Settings.read(environ, env_file=None)


def _new_name(worker_id: str) -> str:
    return f"{worker_id}_{uuid4().hex[:8]}"
