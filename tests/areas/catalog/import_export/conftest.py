"""Empty shops to import into, the commands of the CLI, and the catalog as both doors return it."""

import csv
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from sqlalchemy import text

from tests import servers
from tests.app_client import AppClient
from tests.commands import Done, run_command, run_process
from tests.factories import read
from tests.servers import Run
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HERE = Path(__file__).parent
FIELDS = """name,slug,external_reference,status,description,attributes,tags,
price_from{amount,currency},brand{name,slug},category{name,slug},categories{name},
variants{sku,price{amount,currency},options,compare_at_price{amount,currency},weight_grams,barcode,
track_inventory,allow_backorder,requires_shipping,imported_quantity},
media{source_url,alt,status}"""

type Json = dict[str, Any]


class ImportShop:
    """A shop to import into: its app, its commands, and a staff client."""

    def __init__(self, app: "TradepostApp", url: str, staff: httpx.AsyncClient) -> None:
        self.app, self.url, self.staff = app, url, staff

    def process(self, *words: object, **settings: str) -> Done:
        """Run a command in a process, with these settings."""
        return run_process(*words, environ=servers.environ(self.url) | settings)

    def command(self, *words: object, **settings: str) -> Done:
        """Run a command with these settings without a process."""
        return run_command(*words, environ=servers.environ(self.url) | settings)

    def import_with_one_rejected(self, file: Path, content: str) -> Json:
        """Import two products of which one is rejected, and return the reported issue."""
        file.write_text(content)
        done = self.command("import", file, "--json")
        report = msgspec.json.decode(done.stdout)
        assert (done.returncode, report["created"], report["rejected"]) == (3, 1, 1)
        [issue] = report["issues"]
        return issue

    def anonymous(self) -> httpx.AsyncClient:
        """Return a client without credentials."""
        return AppClient(self.app)

    async def clear(self) -> None:
        """Delete all rows that a test created."""
        async with self.app.state.database.transaction() as session:
            for table in (
                "media",
                "variant",
                "product_search",
                "product_tag",
                "product_category",
                "product",
                "brand",
                "tag",
                "category",
                "shipping_method",
                "tax_rate",
                "outbox_event",
                "audit_entry",
            ):
                await session.execute(text(f"DELETE FROM {table}"))

    async def by_rest(self) -> dict[str, Json]:
        """Read all products through REST, by reference or slug."""
        body = await read(self.staff, "/v1/products", fields=FIELDS.replace("\n", ""), limit="100", sort="-created_at")
        return {p["external_reference"] or p["slug"]: p for p in body["data"]}

    async def by_graphql(self) -> dict[str, Json]:
        """Read all products through GraphQL, with aliases for REST's names."""
        fields = re.sub(
            r"\b[a-z]+(?:_[a-z]+)+\b", lambda m: f"{m[0]}: {re.sub('_([a-z])', lambda c: c[1].upper(), m[0])}", FIELDS
        )
        query = f"{{ products(first: 100, sort: [CREATED_AT_DESC]) {{ nodes {{ {fields} }} }} }}"
        answer = (await self.staff.post("/graphql", json={"query": query})).json()
        assert "errors" not in answer, answer
        products = [
            p | {"status": p["status"].lower(), "media": [m | {"status": m["status"].lower()} for m in p["media"]]}
            for p in answer["data"]["products"]["nodes"]
        ]
        return {p["external_reference"] or p["slug"]: p for p in products}


@pytest.fixture(scope="session")
async def two_shops(
    run: Run, worker_id: str, settings: Settings, anyio_backend: object
) -> AsyncIterator[tuple[ImportShop, ImportShop]]:
    """Two shops of this test worker. `shop` and `other_shop` empty them for each test.

    Another module that imports this fixture has shops of its own, so their names are new each time.
    """
    names = [f"{worker_id}_{name}_{uuid4().hex[:8]}" for name in ("shop", "other")]
    async with AsyncExitStack() as stack:
        first, second = [await start_shop(empty_settings(run, name, settings), stack) for name in names]
        yield first, second


@pytest.fixture
async def shop(two_shops: tuple[ImportShop, ImportShop]) -> ImportShop:
    """An empty shop."""
    await two_shops[0].clear()
    return two_shops[0]


@pytest.fixture
async def other_shop(two_shops: tuple[ImportShop, ImportShop]) -> ImportShop:
    """Another empty shop."""
    await two_shops[1].clear()
    return two_shops[1]


def empty_settings(run: Run, name: str, usual: Settings) -> Settings:
    """Return the usual settings with a new, empty database."""
    environ = {
        "DATABASE_URL": servers.copy_of_template(run, name, bare=True),
        "SECRET_KEY": servers.SECRET_KEY,
        "ACCESS_LOG": "off",
        "POOL_SIZE": "4",
    }
    # Commands block the event loop of this process, so nothing in it may hold the write lock of
    # SQLite. What a command wrote must be visible at once, so the read cache is off.
    environ |= {"WORKER": "off", "READ_CACHE": "off"}
    # Tests read faster than a client may.
    environ |= dict.fromkeys(("BUDGET_ANONYMOUS", "BUDGET_STAFF"), "1000000000")
    return Settings.read(
        environ | {"REDIS_URL": usual.redis_url or "", "SIGNING_KEYS": usual.signing_keys}, env_file=None
    )


async def start_shop(settings: Settings, stack: AsyncExitStack) -> ImportShop:
    """Start a shop with these settings."""
    from tradepost.app import create_app

    app = create_app(settings)
    app.state.credentials.write_interval = 86_400.0
    await stack.enter_async_context(app.lifespan())
    key = servers.staff_key(settings.database_url)
    staff = await stack.enter_async_context(AppClient(app, headers={"X-API-Key": key}))
    return ImportShop(app, settings.database_url, staff)


def save_as(file: Path, folder: Path, *, encoding: str = "utf-8", delimiter: str = ",", ending: str = "\n") -> Path:
    """Save a copy of a file with another encoding, delimiter and line end."""
    rows = [*csv.reader(io.StringIO(file.read_text("utf-8"), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(rows)
    copy = folder / f"{file.stem}-{encoding}{file.suffix}"
    copy.write_bytes(text.getvalue().encode(encoding))
    return copy
