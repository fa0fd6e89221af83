"""`just new-area` begins a room that holds: its own tests pass as they are, and so do the rules for every room.

What no database changes is looked at in the run on SQLite only.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, Run

IGNORED = shutil.ignore_patterns("__pycache__", "node_modules")
# A table whose name SQL keeps for itself, and a room that is called otherwise than its things.
ROOMS = {"unions": ("unions",), "lost_property": ("lost_property", "found_thing")}
FOLDERS = [f"src/tradepost/areas/{room}" for room in ROOMS]
LAID_OUT = [*FOLDERS, "tests/areas", "db/migrations", "src/tradepost/app.py"]
FITS = "from tradepost.migrations.runner import drift, upgrade; upgrade(url := 'sqlite+aiosqlite:///drift.db'); assert drift(url) == [], drift(url)"

CHECKS = {
    "lint": ("ruff", "check", *LAID_OUT),
    "layout": ("ruff", "format", "--check", *LAID_OUT),
    "types": ("basedpyright", "--level", "error", *FOLDERS),
    "import rules": ("lint-imports", "--no-cache"),
    "migrations": (sys.executable, "-c", FITS),
}
REFUSED = {
    "no name": ((), "give the name"),
    "three names": (("a", "b", "c"), "give the name"),
    "upper case": (("Gifts",), "`Gifts` is no name"),
    "hyphen": (("gift-cards",), "`gift-cards` is no name"),
    "endless": (("x" * 41,), "up to 40"),
    "singular": (("gift",), "`gift` is no plural; use one (`gifts`)"),
    "room": (("catalog",), "`catalog` is taken"),
    "keyword": (("lambda", "thing"), "`lambda` is taken"),
    "type": (("categories",), "`Category` is in use"),
    "type of one door": (("grants",), "`Grant` is in use"),
    "path": (("documents", "doc"), "`docs` is in use"),
    "own word": (("pages",), "`Page` has a meaning"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The checks of this run."""
    if "check" in metafunc.fixturenames:
        database = str(metafunc.config.getoption("--database"))
        tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database", database, "tests/areas")
        checks = {"tests": tests} | (CHECKS if database == "sqlite" else {})
        metafunc.parametrize("check", checks.values(), ids=checks.keys())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A copy of the house with two rooms more."""
    copy = tmp_path_factory.mktemp("house")
    for folder in ("src", "db", "scripts"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    (copy / "tests").mkdir()
    (copy / ".venv").symlink_to(sys.prefix)
    for file in ("pyproject.toml", "tests/conftest.py", "tests/factories.py", "tests/servers.py"):
        shutil.copy(ROOT / file, copy / file)
    for room, words in ROOMS.items():
        code, said = in_house(copy, run, sys.executable, "scripts/new_area.py", *words)
        assert code == 0, said
        assert {
            f"src/tradepost/areas/{room}/service.py",
            f"tests/areas/{room}/test_{room}.py",
            "src/tradepost/app.py",
        } <= set(said.split())
        assert "just export-contract" in said
    return copy


def in_house(house: Path, run: Run, *words: str) -> tuple[int, str]:
    """Runs a program in the copy, on the copy's source, beside the PostgreSQL of this run."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TRADEPOST", "COV"))}
    environ |= {"PYTHONPATH": str(house / "src"), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}
    environ |= {"TEST_DATABASE_URL": run.postgresql} if run.postgresql else {}
    done = subprocess.run(words, cwd=house, env=environ, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_a_new_room_holds(house: Path, run: Run, check: tuple[str, ...]) -> None:
    code, said = in_house(house, run, *check)
    assert code == 0, said


@pytest.mark.parametrize(("words", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_name_that_cannot_be_a_room_is_refused_in_one_line(
    words: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts import new_area

    def never(*_: object) -> None:
        raise AssertionError("something was about to be written")

    monkeypatch.setattr(Path, "write_text", never)
    with pytest.raises(SystemExit) as end:
        new_area.main(list(words))
    assert str(end.value.code).startswith("new-area: ")
    assert reason in str(end.value.code)
    assert "\n" not in str(end.value.code)
