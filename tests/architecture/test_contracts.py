"""Our two import rules see what they are there to see."""

from pathlib import Path

import pytest
from grimp import ImportGraph

from scripts.contracts import AreasInOrderContract, NeighboursContract, listed_areas

SESSION = {"root_packages": ["shop"]}


def graph(*imports: tuple[str, str]) -> ImportGraph:
    """A house with two rooms and these imports."""
    made = ImportGraph()
    rooms = [
        f"shop.areas.{room}{inside}"
        for room in ("accounts", "catalog")
        for inside in ("", ".service", ".models", ".rest")
    ]
    for module in ("shop", "shop.areas", *rooms):
        made.add_module(module)
    for importer, imported in imports:
        made.add_import(importer=importer, imported=imported)
    return made


def neighbours() -> NeighboursContract:
    """Rule 8."""
    return NeighboursContract("neighbours", SESSION, {"root": "shop.areas", "shown": ["service"]})


def in_order(tmp_path: Path, text: str) -> AreasInOrderContract:
    """Rule 7, with the list in this text."""
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
def test_a_neighbour_sees_only_what_a_room_shows(importer: str, imported: str, kept: bool) -> None:
    assert neighbours().check(graph((importer, imported)), verbose=False).kept is kept


@pytest.mark.parametrize(
    ("importer", "imported", "kept"),
    [
        ("shop.areas.catalog.service", "shop.areas.accounts.service", True),
        ("shop.areas.accounts.service", "shop.areas.catalog.service", False),
    ],
)
def test_a_room_imports_only_rooms_before_it(tmp_path: Path, importer: str, imported: str, kept: bool) -> None:
    assert (
        in_order(tmp_path, 'AREAS = ("accounts", "catalog")').check(graph((importer, imported)), verbose=False).kept
        is kept
    )


def test_a_room_that_the_list_does_not_name_breaks_the_rule(tmp_path: Path) -> None:
    found = in_order(tmp_path, 'AREAS: tuple[str, ...] = ("accounts",)').check(graph(), verbose=False)
    assert (found.kept, found.metadata["unlisted"]) == (False, ["catalog"])


def test_a_composition_root_without_a_list_is_said(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("ROOMS = ()")
    with pytest.raises(ValueError, match="has no AREAS"):
        listed_areas(tmp_path / "app.py")
