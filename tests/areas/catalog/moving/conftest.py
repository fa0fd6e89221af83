"""A shop of its own for each test that moves in, the commands run as a shopkeeper runs them, and the catalogue as both doors tell it."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests import servers
from tests.factories import read
from tests.servers import Run
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import Shop

HERE = Path(__file__).parent
FIELDS = """name,slug,external_reference,status,description,attributes,tags,price_from{amount,currency},category{name,slug},categories{name},
variants{sku,price{amount,currency},options,compare_at_price{amount,currency},weight_grams,barcode,track_inventory,allow_backorder,imported_quantity},
media{source_url,alt,status}"""

type Json = dict[str, Any]
type Command = Callable[..., subprocess.CompletedProcess[str]]


class Moved:
    """A shop that files are imported into: its commands, and a member of the staff at its doors."""

    def __init__(self, app: "Shop", url: str, staff: httpx.AsyncClient, command: Command) -> None:
        self.app, self.url, self.staff, self.command = app, url, staff, command

    async def by_rest(self) -> dict[str, Json]:
        """All products that came from a file, by their reference."""
        body = await read(self.staff, "/v1/products", fields=FIELDS.replace("\n", ""), limit="100", sort="-created_at")
        return {p["external_reference"] or p["slug"]: p for p in body["data"]}

    async def by_graphql(self) -> dict[str, Json]:
        """The same, asked in GraphQL; aliases give its answer REST's names."""
        asked = re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda m: f"{m[0]}: {re.sub('_([a-z])', lambda c: c[1].upper(), m[0])}", FIELDS)
        query = f"{{ products(first: 100, sort: [CREATED_AT_DESC]) {{ nodes {{ {asked} }} }} }}"
        answer = (await self.staff.post("/graphql", json={"query": query})).json()
        assert "errors" not in answer, answer
        products = [
            p | {"status": p["status"].lower(), "media": [m | {"status": m["status"].lower()} for m in p["media"]]} for p in answer["data"]["products"]["nodes"]
        ]
        return {p["external_reference"] or p["slug"]: p for p in products}


@pytest.fixture
async def moved(bare_settings: Callable[[], Settings], run: Run, tmp_path: Path) -> AsyncIterator[Moved]:
    """An empty shop."""
    async with AsyncExitStack() as stack:
        yield await open_shop(bare_settings(), run, tmp_path, stack)


@pytest.fixture
async def other(bare_settings: Callable[[], Settings], run: Run, tmp_path: Path) -> AsyncIterator[Moved]:
    """Another one."""
    async with AsyncExitStack() as stack:
        yield await open_shop(bare_settings(), run, tmp_path, stack)


async def open_shop(settings: Settings, run: Run, folder: Path, stack: AsyncExitStack) -> Moved:
    """The shop over these settings, started."""
    from tradepost.app import create_app

    app = create_app(settings)
    await stack.enter_async_context(app.lifespan())
    key = servers.tradepost(run, settings.database_url, "create-api-key", "--role", "staff", "--name", "tests").split()[-1]
    transport = httpx.ASGITransport(app=app)
    staff = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://tradepost.test", headers={"X-API-Key": key}))

    def command(*words: object, **environ: str) -> subprocess.CompletedProcess[str]:
        said = servers.environ(settings.database_url) | environ
        given = [sys.executable, "-m", "tradepost", *map(str, words)]
        return subprocess.run(given, cwd=folder, env=said, capture_output=True, text=True, timeout=120)

    return Moved(app, settings.database_url, staff, command)


def saved(file: Path, folder: Path, *, encoding: str = "utf-8", delimiter: str = ",", ending: str = "\n") -> Path:
    """A copy of a file, saved as another program would save it."""
    import csv
    import io

    rows = [*csv.reader(io.StringIO(file.read_text("utf-8"), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(rows)
    copy = folder / f"{file.stem}-{encoding}{file.suffix}"
    copy.write_bytes(text.getvalue().encode(encoding))
    return copy
