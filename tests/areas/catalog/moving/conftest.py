"""A shop of its own for each test that moves in, the commands run as a shopkeeper runs them, and the catalogue as both doors tell it."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import servers
from tests.factories import read
from tests.servers import Run
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HERE = Path(__file__).parent
FIELDS = """name,slug,external_reference,status,description,attributes,tags,price_from{amount,currency},category{name,slug},categories{name},
variants{sku,price{amount,currency},options,compare_at_price{amount,currency},weight_grams,barcode,track_inventory,allow_backorder,imported_quantity},
media{source_url,alt,status}"""

type Json = dict[str, Any]


class Moved:
    """A shop that files are imported into: its commands, and a member of the staff at its doors."""

    def __init__(self, app: "TradepostApp", url: str, staff: httpx.AsyncClient) -> None:
        self.app, self.url, self.staff = app, url, staff

    def process(self, *words: object) -> subprocess.CompletedProcess[str]:
        """A command as a shopkeeper runs it, to its end."""
        given = [sys.executable, "-m", "tradepost", *map(str, words)]
        return subprocess.run(given, env=servers.environ(self.url), capture_output=True, text=True, timeout=120)

    def command(self, *words: object) -> subprocess.CompletedProcess[str]:
        """The same command without a process of its own, which takes a second to start."""
        from tradepost.cli import shop

        environ: dict[str, str | None] = {**servers.environ(self.url)}
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(CliRunner().invoke, shop, [*map(str, words)], env=environ).result()
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    async def clear(self) -> None:
        """Takes out all that a test put in."""
        async with self.app.state.database.transaction() as session:
            for table in (
                "media",
                "variant",
                "product_search",
                "product_tag",
                "product_category",
                "product",
                "tag",
                "category",
                "outbox_event",
                "audit_entry",
            ):
                await session.execute(text(f"DELETE FROM {table}"))

    async def by_rest(self) -> dict[str, Json]:
        """All products that came from a file, by their reference."""
        body = await read(self.staff, "/v1/products", fields=FIELDS.replace("\n", ""), limit="100", sort="-created_at")
        return {p["external_reference"] or p["slug"]: p for p in body["data"]}

    async def by_graphql(self) -> dict[str, Json]:
        """The same, asked in GraphQL; aliases give its answer REST's names."""
        asked = re.sub(
            r"\b[a-z]+(?:_[a-z]+)+\b", lambda m: f"{m[0]}: {re.sub('_([a-z])', lambda c: c[1].upper(), m[0])}", FIELDS
        )
        query = f"{{ products(first: 100, sort: [CREATED_AT_DESC]) {{ nodes {{ {asked} }} }} }}"
        answer = (await self.staff.post("/graphql", json={"query": query})).json()
        assert "errors" not in answer, answer
        products = [
            p | {"status": p["status"].lower(), "media": [m | {"status": m["status"].lower()} for m in p["media"]]}
            for p in answer["data"]["products"]["nodes"]
        ]
        return {p["external_reference"] or p["slug"]: p for p in products}


@pytest.fixture(scope="session")
async def two_shops(
    run: Run, worker_id: str, settings: Settings, anyio_backend: str
) -> AsyncIterator[tuple[Moved, Moved]]:
    """Two shops of this worker; `moved` and `other` empty them for each test."""
    async with AsyncExitStack() as stack:
        yield (
            await open_shop(bare(run, f"{worker_id}_moved", settings), run, stack),
            await open_shop(bare(run, f"{worker_id}_other", settings), run, stack),
        )


@pytest.fixture
async def moved(two_shops: tuple[Moved, Moved]) -> Moved:
    """An empty shop."""
    await two_shops[0].clear()
    return two_shops[0]


@pytest.fixture
async def other(two_shops: tuple[Moved, Moved]) -> Moved:
    """Another one."""
    await two_shops[1].clear()
    return two_shops[1]


def bare(run: Run, name: str, usual: Settings) -> Settings:
    """The usual settings over a new database without a row."""
    environ = {
        "DATABASE_URL": servers.copy_of_template(run, name, bare=True),
        "SECRET_KEY": servers.SECRET_KEY,
        "ACCESS_LOG": "off",
        "POOL_SIZE": "4",
    }
    # The commands stop this process's loop while they run, so nothing in it may hold SQLite's one lock for writes meanwhile.
    # What a command has written is looked at at once, and not within the second that other processes have.
    environ |= {"WORKER": "off", "READ_CACHE": "off"}
    return Settings.read(
        environ | {"REDIS_URL": usual.redis_url or "", "SIGNING_KEYS": usual.signing_keys}, env_file=None
    )


async def open_shop(settings: Settings, run: Run, stack: AsyncExitStack) -> Moved:
    """The shop over these settings, started."""
    from tradepost.app import create_app

    app = create_app(settings)
    app.state.credentials.write_interval = 86_400.0
    await stack.enter_async_context(app.lifespan())
    key = servers.tradepost(run, settings.database_url, "create-api-key", "--role", "staff", "--name", "tests").split()[
        -1
    ]
    transport = httpx.ASGITransport(app=app)
    staff = await stack.enter_async_context(
        httpx.AsyncClient(transport=transport, base_url="http://tradepost.test", headers={"X-API-Key": key})
    )
    return Moved(app, settings.database_url, staff)


def saved(file: Path, folder: Path, *, encoding: str = "utf-8", delimiter: str = ",", ending: str = "\n") -> Path:
    """A copy of a file, saved as another program would save it."""
    rows = [*csv.reader(io.StringIO(file.read_text("utf-8"), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(rows)
    copy = folder / f"{file.stem}-{encoding}{file.suffix}"
    copy.write_bytes(text.getvalue().encode(encoding))
    return copy
