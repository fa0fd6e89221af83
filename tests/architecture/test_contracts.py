"""The two import rules of scripts/contracts.py find the imports that break them."""

from pathlib import Path

import pytest
from grimp import ImportGraph

from scripts.contracts import AreasInOrderContract, NeighboursContract, listed_areas

SESSION = {"root_packages": ["shop"]}


def graph(*imports: tuple[str, str]) -> ImportGraph:
    """Two areas with these imports between them."""
    graph = ImportGraph()
    modules = [
        f"shop.areas.{area}{part}" for area in ("accounts", "catalog") for part in ("", ".service", ".models", ".rest")
    ]
    for module in ("shop", "shop.areas", *modules):
        graph.add_module(module)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    return graph


def neighbours() -> NeighboursContract:
    """Rule 8: areas show others only their service."""
    return NeighboursContract("neighbours", SESSION, {"root": "shop.areas", "shown": ["service"]})


def in_order(tmp_path: Path, text: str) -> AreasInOrderContract:
    """Rule 7, with this text as the composition root."""
    (tmp_path / "app.py").write_text(text)
    return AreasInOrderContract("areas", SESSION, {"root": "shop.areas", "order": str(tmp_path / "app.py")})


@pytest.mark.parametrize(
    ("importer", "imported", "kept"),
    [
        ("shop.areas.catalog.service", "shop.areas.accounts.service", True),
        ("shop.areas.catalog.rest", "shop.areas.catalog.models", True),
        ("shop.areas.catalog.service", "shop.areas.accounts.models", False),
        ("shop.areas.catalog.service", "shop.areas.accounts", False),
    ],
)
def test_an_area_imports_only_the_public_modules_of_another(importer: str, imported: str, kept: bool) -> None:
    assert neighbours().check(graph((importer, imported)), verbose=False).kept is kept


@pytest.mark.parametrize(
    ("importer", "imported", "kept"),
    [
        ("shop.areas.catalog.service", "shop.areas.accounts.service", True),
        ("shop.areas.accounts.service", "shop.areas.catalog.service", False),
    ],
)
def test_an_area_imports_only_areas_before_it(tmp_path: Path, importer: str, imported: str, kept: bool) -> None:
    contract = in_order(tmp_path, 'AREAS = ("accounts", "catalog")')
    assert contract.check(graph((importer, imported)), verbose=False).kept is kept


def test_an_area_that_is_not_in_the_list_breaks_the_rule(tmp_path: Path) -> None:
    result = in_order(tmp_path, 'AREAS: tuple[str, ...] = ("accounts",)').check(graph(), verbose=False)
    assert (result.kept, result.metadata["unlisted"]) == (False, ["catalog"])


def test_a_composition_root_without_a_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("OTHER = ()")
    with pytest.raises(ValueError, match="has no AREAS"):
        listed_areas(tmp_path / "app.py")
