"""`just new-area` creates an area that is complete: its tests pass, and it keeps every rule.

Checks that do not depend on the database run with SQLite only.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, Run

pytestmark = pytest.mark.once
IGNORED = shutil.ignore_patterns("__pycache__", "node_modules")
# A table whose name is reserved in SQL, and an area that is not named after its resource.
AREAS = {"unions": ("unions",), "lost_property": ("lost_property", "found_thing")}
FOLDERS = [f"src/tradepost/areas/{area}" for area in AREAS]
FORMATTED = [*FOLDERS, "tests/areas", "db/migrations", "src/tradepost/app.py"]
NO_DRIFT = (
    "from tradepost.migrations.runner import drift, upgrade; "
    "upgrade(url := 'sqlite+aiosqlite:///drift.db'); assert drift(url) == [], drift(url)"
)

CHECKS = {
    "lint": ("ruff", "check", *FORMATTED),
    "format": ("ruff", "format", "--check", *FORMATTED),
    "types": ("basedpyright", "--level", "error", *FOLDERS),
    "import rules": ("lint-imports", "--no-cache"),
    "migrations": (sys.executable, "-c", NO_DRIFT),
}
REFUSED = {
    "no name": ((), "give the name"),
    "three names": (("a", "b", "c"), "give the name"),
    "upper case": (("Gifts",), "`Gifts` is not a valid name"),
    "hyphen": (("gift-cards",), "`gift-cards` is not a valid name"),
    "too long": (("x" * 41,), "up to 40"),
    "singular": (("gift",), "`gift` is not a plural; use `gifts`"),
    "area": (("catalog",), "`catalog` is taken"),
    "keyword": (("lambda", "thing"), "`lambda` is taken"),
    "type": (("categories",), "`Category` is in use"),
    "type of one door": (("token_responses",), "`TokenResponse` is in use"),
    "path": (("documents", "doc"), "`docs` is in use"),
    "reserved name": (("pages",), "`Page` has a meaning"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize `check` with the checks of this run."""
    if "check" in metafunc.fixturenames:
        database = str(metafunc.config.getoption("--database"))
        tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database", database, "tests/areas")
        checks = {"tests": tests} | (CHECKS if database == "sqlite" else {})
        metafunc.parametrize("check", checks.values(), ids=checks.keys())


@pytest.fixture(scope="module")
def project_copy(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A copy of the project with two new areas."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("src", "db", "scripts"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    (copy / "tests").mkdir()
    (copy / ".venv").symlink_to(sys.prefix)
    for file in ("pyproject.toml", "tests/conftest.py", "tests/factories.py", "tests/figures.py", "tests/servers.py"):
        shutil.copy(ROOT / file, copy / file)
    for area, words in AREAS.items():
        code, output = run_in_copy(copy, run, sys.executable, "scripts/new_area.py", *words)
        assert code == 0, output
        files = {f"src/tradepost/areas/{area}/service.py", f"tests/areas/{area}/test_{area}.py"}
        assert files | {"src/tradepost/app.py"} <= set(output.split())
        assert "just export-contract" in output
    return copy


def run_in_copy(project_copy: Path, run: Run, *words: str) -> tuple[int, str]:
    """Run a program in the copy, with the copy's source and the PostgreSQL of this run.

    Return its exit status and its output.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TRADEPOST", "COV"))}
    environ |= {
        "PYTHONPATH": str(project_copy / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}",
    }
    environ |= {"TEST_DATABASE_URL": run.postgresql} if run.postgresql else {}
    done = subprocess.run(words, cwd=project_copy, env=environ, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_a_new_area_passes_its_tests_and_every_check(project_copy: Path, run: Run, check: tuple[str, ...]) -> None:
    code, output = run_in_copy(project_copy, run, *check)
    assert code == 0, output


@pytest.mark.parametrize(("words", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_area_name_is_refused_in_one_line(
    words: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts import new_area

    def never(*_: object) -> None:
        raise AssertionError("the script tried to write a file")

    monkeypatch.setattr(Path, "write_text", never)
    with pytest.raises(SystemExit) as end:
        new_area.main(list(words))
    assert str(end.value.code).startswith("new-area: ")
    assert reason in str(end.value.code)
    assert "\n" not in str(end.value.code)
