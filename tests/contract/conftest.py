"""The contract documents that the app generates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

from .response_checker import ResponseChecker

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shop(settings: Settings) -> TradepostApp:
    """An app that is not started: its documents need no database."""
    return create_app(settings)


@pytest.fixture(scope="session")
def contract(shop: TradepostApp) -> Mapping[str, bytes]:
    """The contract files: names and contents."""
    return shop.state.contract()


@pytest.fixture(scope="session", params=["openapi.json", "openapi.v2.json"])
def document(request: pytest.FixtureRequest, contract: Mapping[str, bytes]) -> dict[str, Any]:
    """The OpenAPI document of a version."""
    return msgspec.json.decode(contract[request.param])


# Version 2 differs from version 1 in the shape of numbered pages, which no database changes.
@pytest.fixture(scope="session", params=["openapi.json", pytest.param("openapi.v2.json", marks=pytest.mark.once)])
def checker(request: pytest.FixtureRequest, contract: Mapping[str, bytes]) -> ResponseChecker:
    """The checker of an API version."""
    return ResponseChecker(msgspec.json.decode(contract[request.param]))
