"""`just new-area` begins a room that holds: its tests pass, and so do the rules for every room."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

IGNORED = shutil.ignore_patterns("__pycache__", "node_modules", "*.gz")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with two rooms more, one of them with a name that is hard to put into the singular."""
    copy = tmp_path_factory.mktemp("house")
    for folder in ("src", "db", "scripts"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    (copy / "tests").mkdir()
    for file in ("pyproject.toml", "tests/conftest.py", "tests/servers.py"):
        shutil.copy(ROOT / file, copy / file)
    assets = "src/tradepost/doors/pages/assets"
    shutil.copytree(ROOT / assets, copy / assets, dirs_exist_ok=True)
    for words in (("gift_cards",), ("inventory", "stock_level")):
        assert in_house(copy, sys.executable, "scripts/new_area.py", *words)[0] == 0
    return copy


def in_house(house: Path, *words: str) -> tuple[int, str]:
    """Runs a program in the copy, on the copy's source."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TRADEPOST", "COV"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(words, cwd=house, env=environ | {"PYTHONPATH": str(house / "src"), "PATH": path}, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_its_tests_pass(house: Path, pytestconfig: pytest.Config) -> None:
    database = str(pytestconfig.getoption("--database"))
    code, said = in_house(house, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database", database, "tests/areas")
    assert code == 0, said
    assert "10 passed" in said


@pytest.mark.parametrize("words", [("lint-imports", "--no-cache"), ("ruff", "check"), ("ruff", "format", "--check")])
def test_it_keeps_the_rules_of_the_house(house: Path, words: tuple[str, ...]) -> None:
    rooms = [str(house / "src/tradepost/areas" / room) for room in ("gift_cards", "inventory")] if words[0] == "ruff" else []
    code, said = in_house(house, *words, *rooms)
    assert code == 0, said


def test_its_migration_fits_its_tables(house: Path) -> None:
    check = "from tradepost.schema import drift, upgrade; upgrade(url := 'sqlite+aiosqlite:///drift.db'); assert drift(url) == [], drift(url)"
    code, said = in_house(house, sys.executable, "-c", check)
    assert code == 0, said


@pytest.mark.parametrize("words", [(), ("Gifts",), ("a", "b", "c"), ("gift-cards",), ("catalog",)])
def test_a_name_that_cannot_be_a_room_is_refused_and_nothing_is_written(house: Path, words: tuple[str, ...]) -> None:
    before = sorted((house / "src/tradepost/areas").iterdir())
    assert in_house(house, sys.executable, "scripts/new_area.py", *words)[0] == 1
    assert sorted((house / "src/tradepost/areas").iterdir()) == before
