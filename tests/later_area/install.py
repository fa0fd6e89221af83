"""Adds the area `wishlists` to the app of this process."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import tradepost.app
from tradepost.app import AREAS, TradepostApp

NAME, FOLDER = "tradepost.areas.wishlists", Path(__file__).parent / "wishlists"


def install() -> None:
    """Let the app load the area after all others."""
    spec = spec_from_file_location(NAME, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
    tradepost.app.AREAS = (*AREAS, "wishlists")


async def create_tables(app: TradepostApp) -> None:
    """Create the tables of the area."""
    models = sys.modules[f"{NAME}.models"]
    tables = [models.WishlistRow.__table__, models.WishRow.__table__]
    async with app.state.database.engine.begin() as connection:
        await connection.run_sync(models.WishlistRow.metadata.create_all, tables=tables)
