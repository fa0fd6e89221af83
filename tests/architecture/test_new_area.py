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
# Compiled modules are copied too, but not those that another process is writing.
IGNORED = shutil.ignore_patterns("node_modules", "*.pyc.*")
# A table whose name is reserved in SQL, and an area that is not named after its resource.
AREAS = {"unions": ("unions",), "lost_property": ("lost_property", "found_thing")}
# A resource that the first of them gets besides.
ENTITY = "label"
FOLDERS = [f"src/tradepost/areas/{area}" for area in AREAS]
FORMATTED = [*FOLDERS, *[f"tests/areas/{area}" for area in AREAS], "db/migrations", "src/tradepost/app.py"]
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


# The tests of the new areas, and the general tests of their resources.
TESTS = (
    sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database", "sqlite",
    "tests/parity", *[f"tests/areas/{area}" for area in AREAS],
    "-k", " or ".join(["test_cases", *AREAS, "union", "found_thing", ENTITY]),
)  # fmt: skip
INVALID_ENTITIES = {
    "no name": (("catalog",), "give one of the areas accounts, carts, catalog"),
    "unknown area": (("shop", "gift"), "give one of the areas accounts, carts, catalog"),
    "upper case": (("catalog", "Gift"), "`Gift` is not a valid name"),
    "table": (("catalog", "brand"), "`Brand` is in use"),
}


@pytest.fixture(scope="module")
def project_copy(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A copy of the project with two new areas, one of which has a second resource."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("src", "db", "scripts", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    (copy / ".venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for area, words in AREAS.items():
        code, output = run_in_copy(copy, run, sys.executable, "scripts/new_area.py", *words)
        assert code == 0, output
        files = {f"src/tradepost/areas/{area}/service.py", f"tests/areas/{area}/test_{area}.py"}
        assert files | {f"tests/areas/{area}/case.py", "src/tradepost/app.py"} <= set(output.split())
        assert "just export-contract" in output
    add_entity(copy, run, "unions")
    return copy


def add_entity(copy: Path, run: Run, area: str) -> None:
    """Do what `just new-entity` prints."""
    code, output = run_in_copy(copy, run, sys.executable, "scripts/new_entity.py", area, ENTITY)
    assert code == 0, output
    case = copy / f"tests/areas/{area}/case"
    case.mkdir()
    case.with_suffix(".py").rename(case / f"{area}.py")
    entities = f"(*{area}.CASE.entities, *{ENTITY}s.CASE.entities)"
    case_package = f"from tests.parity.case import AreaCase\n\nfrom . import {ENTITY}s, {area}\n\n"
    (case / "__init__.py").write_text(f'"""Cases."""\n\n{case_package}CASE = AreaCase(entities={entities})\n')
    changed = [case / "__init__.py"]
    for heading, *lines in printed_places(output):
        name, kind = heading.removeprefix("# ").removesuffix(")").split(" (")
        if name.endswith("/policy.py"):  # the area has these rules
            continue
        path = copy / name
        path.write_text(with_lines(path.read_text(), lines) if kind == "add" else "\n".join(lines))
        changed.append(path)
    for command in (("check", "--fix-only"), ("format",)):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", *changed], cwd=copy, check=True)


def with_lines(text: str, lines: list[str]) -> str:
    """Return a module with printed lines: imports after its docstring, the rest at its end."""
    code = [line for line in lines if not line.startswith(("from ", "import "))]
    imports = [line for line in lines if line.startswith(("from ", "import "))]
    docstring = next(n for n, line in enumerate(text.splitlines()) if line.endswith('"""')) + 1
    return "\n".join([*text.splitlines()[:docstring], "", *imports, *text.splitlines()[docstring:], *code, ""])


def printed_places(output: str) -> list[list[str]]:
    """Return the heading and the lines of each place."""
    places: list[list[str]] = []
    for line in output.partition("\nThen:\n")[0].splitlines():
        if line.endswith(("(add)", "(new file)")):
            places.append([line])
        elif not line.startswith("#"):
            places[-1].append(line.removeprefix("    "))
    return places


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


@pytest.mark.parametrize("check", [TESTS, *CHECKS.values()], ids=["tests", *CHECKS])
def test_a_new_area_passes_its_tests_and_every_check(project_copy: Path, run: Run, check: tuple[str, ...]) -> None:
    code, output = run_in_copy(project_copy, run, *check)
    assert code == 0, output


@pytest.mark.parametrize(
    ("area", "areas"),
    [
        ("inventory", ("accounts", "catalog", "inventory", "gifts", "system")),
        ("webhooks", ("accounts", "catalog", "gifts", "webhooks", "system")),
        ("toys", ("accounts", "catalog", "gifts", "toys", "system")),
    ],
)
def test_an_area_is_put_at_its_place(area: str, areas: tuple[str, ...]) -> None:
    from scripts.new_area import add_to_areas

    text = 'A = 1\nAREAS = ("accounts", "catalog", "gifts", "system")\nB = (2)\n'
    assert add_to_areas(text, area) == f"A = 1\nAREAS = {areas}\nB = (2)\n".replace("'", '"')


@pytest.mark.parametrize(("words", "reason"), INVALID_ENTITIES.values(), ids=INVALID_ENTITIES.keys())
def test_an_invalid_entity_is_refused_in_one_line(words: tuple[str, ...], reason: str) -> None:
    from scripts import new_entity

    with pytest.raises(SystemExit) as end:
        new_entity.main(list(words))
    assert str(end.value.code).startswith("new-entity: ")
    assert reason in str(end.value.code)
    assert "\n" not in str(end.value.code)


def test_a_new_entity_of_an_area_with_packages_gets_files_of_its_own() -> None:
    from scripts.new_entity import places

    found = {str(place.path.relative_to(ROOT)): place for place in places("catalog", "warranty")}
    assert "from ..models import WarrantyRow" in found["src/tradepost/areas/catalog/service/warranties.py"].code
    assert {
        "src/tradepost/areas/catalog/schemas/__init__.py",
        "src/tradepost/areas/catalog/rest.py",
        "tests/areas/catalog/case/warranties.py",
        "tests/areas/catalog/test_warranties.py",
    } <= set(found)


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
