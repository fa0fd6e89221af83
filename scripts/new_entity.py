"""Prints what a new resource of an area needs: `python scripts/new_entity.py AREA NAME`.

NAME is the resource in the singular (`brand`). For each place, in the order in which to work, the
lines to add are printed: a resource with a name, complete in both APIs, made from the templates in
scripts/area_template. Nothing is written.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.new_area import (
    APP,
    MAX_NAME_LENGTH,
    MIGRATIONS,
    ROOT,
    InvalidNameError,
    check_resource_name,
    plural,
    render,
)

HINTS = {
    "schemas": "Replace `name` by the fields that you need, here and below. A package has a file for each kind.",
    "policy": "Who may read and edit. Skip what the area has already.",
    "service": "The name of the class also goes into `__all__` of a package's `__init__.py`.",
    "case": "Add its entities to CASE in `case/__init__.py`; a module `case.py` becomes such a package first.",
}
LAST_STEPS = """
Then:
  tradepost migrate    Creates the table in your database.
  just test    Tests the resource, and by its case everything that holds for all resources.
  just export-contract    Shows the change of the API in tests/contract. Commit it.
  CHANGELOG.md    Describe the change for API users.
README.md, "Adding a resource", lists the declarations for everything else: paths with two ids, results below
a row, second keys, default relations, state machines, additions to the resources of earlier areas.
"""


@dataclass(frozen=True)
class Place:
    """Lines to add to a file, or without `imports` the text of a new file."""

    path: Path
    code: str
    imports: str = ""
    hint: str = ""

    def __str__(self) -> str:
        note = "add" if self.imports else "new file"
        heading = "\n".join([f"# {self.path.relative_to(ROOT)} ({note})", *([f"# {self.hint}"] if self.hint else [])])
        return "\n\n".join([heading, *[indent(part, "    ") for part in (self.imports, self.code) if part]])


def main(arguments: list[str]) -> None:
    """Print the places, or exit with one line."""
    try:
        print("\n\n".join([str(place) for place in places(*parse_arguments(arguments))]))
    except InvalidNameError as refusal:
        sys.exit(f"new-entity: {refusal}")
    print(LAST_STEPS, end="")


def parse_arguments(arguments: list[str]) -> tuple[str, str]:
    """Return the area and the resource in the singular."""
    areas = sorted([path.name for path in (APP.parent / "areas").iterdir() if (path / "resource.py").exists()])
    if len(arguments) != 2 or arguments[0] not in areas:
        raise InvalidNameError(f"give one of the areas {', '.join(areas)}, and a name: just new-entity {areas[0]} gift")
    area, thing = arguments
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", thing) or len(thing) > MAX_NAME_LENGTH:
        raise InvalidNameError(
            f"`{thing}` is not a valid name; use up to {MAX_NAME_LENGTH} lower-case letters and digits,"
            " words joined by `_`, such as: gift_card"
        )
    return area, thing


def places(area: str, thing: str) -> list[Place]:
    """Return all places of a new resource, in the order of the layers."""
    files = render(area, thing, check_resource_name(area, thing))
    return [place_of(path, text, area, thing) for path, text in files.items() if path.name != "__init__.py"]


def place_of(path: Path, text: str, area: str, thing: str) -> Place:
    """Return where a rendered template of a whole area belongs in an area that exists."""
    hint, package = HINTS.get(path.stem, ""), path.with_suffix("")
    if path.is_relative_to(MIGRATIONS):
        return Place(path.with_name(f"{path.name[:4]}_{plural(thing)}.py"), text)
    if path.stem == f"test_{area}":
        return Place(path.with_name(f"test_{plural(thing)}.py"), text)
    if path.stem == "case":
        return Place(package / f"{plural(thing)}.py", text, hint=hint)
    if path.stem == "service" and package.is_dir():
        return Place(package / f"{plural(thing)}.py", re.sub(r"(?m)^from \.", "from ..", text), hint=hint)
    imports, code = split(text)
    return Place(package / "__init__.py" if package.is_dir() else path, code, imports, hint)


def split(text: str) -> tuple[str, str]:
    """Return the imports of a module and the code after them; its docstring is left out."""
    module = ast.parse(text)
    imports = [node for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)]
    rest = [node for node in module.body[1:] if node not in imports]
    lines = text.splitlines()
    start = (imports[-1].end_lineno or 0) if imports else 1
    code = "\n".join(lines[start:]).strip("\n") if rest else ""
    return "\n".join([ast.get_source_segment(text, node) or "" for node in imports]), code


if __name__ == "__main__":
    main(sys.argv[1:])
