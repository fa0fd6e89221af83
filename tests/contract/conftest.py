"""The documents as this shop makes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Strangers' audits of the documents do not depend on the database: they run once, with SQLite."""
    again = (
        [item for item in items if item.path == HERE / "test_audits.py"]
        if config.getoption("--database") != "sqlite"
        else []
    )
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


@pytest.fixture(scope="session")
def shop(settings: Settings) -> TradepostApp:
    """A shop that is not started: its documents need no database."""
    return create_app(settings)


@pytest.fixture(scope="session")
def contract(shop: TradepostApp) -> Mapping[str, bytes]:
    """File names and contents."""
    return shop.state.contract()


@pytest.fixture(scope="session", params=["openapi.json", "openapi.v2.json"])
def document(request: pytest.FixtureRequest, contract: Mapping[str, bytes]) -> dict[str, Any]:
    """The OpenAPI document of a version."""
    return msgspec.json.decode(contract[request.param])
