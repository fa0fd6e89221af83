"""Creates an area: `python scripts/new_area.py NAME [THING]`.

Writes src/tradepost/areas/NAME, its migration and its tests from the templates in
scripts/area_template. The new area has one resource with a name, complete in both APIs; change it
into what you need. NAME is the plural of the resource (`gift_cards`). If it is not a plural
(`inventory`), THING gives the resource in the singular (`stock_level`).
"""

import ast
import keyword
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "scripts" / "area_template"
MIGRATIONS = ROOT / "db" / "migrations" / "versions"
APP = ROOT / "src" / "tradepost" / "app.py"
MODULES = ("__init__", "models", "schemas", "policy", "resource", "event_types", "service", "rest", "graphql")
# Type numbers from 240 on are reserved for link tables and the kit.
FIRST_RESERVED_NUMBER, MAX_NAME_LENGTH = 240, 40

# An area may import only areas before it. One that is not in this list comes before `webhooks`.
ORDER = (
    "accounts", "catalog", "inventory", "pricing", "carts", "orders", "payments", "reviews", "webhooks", "system",
)  # fmt: skip

NEXT_STEPS = """
The area is complete and its tests pass. What is left:
  src/tradepost/app.py    AREAS: move the area if it needs one that stands after it.
  src/tradepost/areas/{area}    Replace `name` by the members that you need: models, schemas, resource, service.
  {migration}    Give the table their columns, then run: tradepost migrate
  src/tradepost/areas/{area}/policy.py    Decide who may read and edit; everyone reads and staff edits now.
  tests/areas/{area}/case.py    Describe the same members to the general tests.
  just test    Tests the area, and by its case everything that holds for all resources.
  just export-contract    Shows the change of the API in tests/contract. Commit it.
  CHANGELOG.md    Describe the change for API users.
Further resources of the area: just new-entity {area} NAME
"""


class InvalidNameError(Exception):
    """A name that cannot be used for an area. The message is one line: the reason and a cure."""


@dataclass(frozen=True)
class CurrentApp:
    """What exists already.

    names: tables, paths, and GraphQL types and fields.    numbers: type numbers of tables.
    head: the newest migration.
    """

    names: frozenset[str]
    numbers: frozenset[int]
    head: str


def main(arguments: list[str]) -> None:
    """Create the area and print its files and the next steps, or exit with one line."""
    try:
        area, thing = parse_arguments(arguments)
        files = create_area(area, thing)
    except InvalidNameError as refusal:
        sys.exit(f"new-area: {refusal}")
    print("\n".join([str(path.relative_to(ROOT)) for path in files]))
    [migration] = [path.relative_to(ROOT) for path in files if path.is_relative_to(MIGRATIONS)]
    print(NEXT_STEPS.format(area=area, migration=migration), end="")


def parse_arguments(arguments: list[str]) -> tuple[str, str]:
    """Return the name of the area and that of its resource in the singular."""
    if len(arguments) not in (1, 2):
        raise InvalidNameError("give the name of the area, such as: just new-area gift_cards")
    for name in arguments:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > MAX_NAME_LENGTH:
            raise InvalidNameError(
                f"`{name}` is not a valid name; use up to {MAX_NAME_LENGTH} lower-case letters and digits,"
                " words joined by `_`, such as: gift_cards"
            )
    area, thing = arguments[0], arguments[1] if len(arguments) == 2 else singular(arguments[0])
    if (APP.parent / "areas" / area).exists() or area in keyword.kwlist:
        raise InvalidNameError(
            f"`{area}` is taken: an area has this name, or it is a Python keyword; choose another name"
        )
    if len(arguments) == 1 and plural(thing) != area:
        raise InvalidNameError(
            f"`{area}` is not a plural; use `{plural(area)}`, or give the resource in the singular as well:"
            f" just new-area {area} THING"
        )
    return area, thing


def create_area(area: str, thing: str) -> list[Path]:
    """Write all files of the area, unless one exists already, and return their paths."""
    current = check_resource_name(area, thing)
    files = render(area, thing, current) | {APP: add_to_areas(APP.read_text(), area)}
    if existing := [path for path in files if path.exists() and path != APP]:
        raise InvalidNameError(f"{existing[0].relative_to(ROOT)} exists; move it away first")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # Long names change line breaks and the order of imports.
    for command in (("check", "--fix-only"), ("format",)):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", *files], cwd=ROOT, check=True)
    return list(files)


def check_resource_name(area: str, thing: str) -> CurrentApp:
    """Return what exists, unless a name that the resource would bring is in use."""
    refuse_template_names(area, thing)
    current = inspect_app()
    new_names = {thing, pascal(thing), hyphened(plural(thing)), camel(thing), camel(plural(thing))}
    if clash := sorted(new_names & current.names):
        raise InvalidNameError(
            f"`{clash[0]}` is in use as a table, a path or a GraphQL name; choose another name for the resource"
        )
    return current


def render(area: str, thing: str, current: CurrentApp) -> dict[Path, str]:
    """Render the templates: the text of each file of the area."""
    values = placeholders(area, thing, current)
    templates = {
        **{APP.parent / "areas" / area / f"{module}.py": module for module in MODULES},
        MIGRATIONS / f"{values['revision']}_{area}.py": "migration",
        ROOT / "tests" / "areas" / area / f"test_{area}.py": "test",
        ROOT / "tests" / "areas" / area / "case.py": "case",
    }
    return {
        path: Template((TEMPLATES / f"{name}.py.txt").read_text()).substitute(values)
        for path, name in templates.items()
    }


def placeholders(area: str, thing: str, current: CurrentApp) -> dict[str, str]:
    """Return the values of the placeholders in the templates."""
    things, words, number = plural(thing), spaced(thing), next_type_number(current)
    article = "an" if thing[0] in "aeiou" else "a"
    last_revision = max([int(path.name[:4]) for path in MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.py")], default=0)
    return {
        "area_name": area, "area": spaced(area), "Area": spaced(area).capitalize(),
        "thing": thing, "things": things, "Thing": pascal(thing), "Things": pascal(things),
        "camel": camel(thing), "camels": camel(things), "path": hyphened(things),
        "a": article, "A": article.capitalize(), "words": words, "Words": words.capitalize(),
        "words_many": spaced(things), "Words_many": spaced(things).capitalize(),
        "number": str(number), "hex": f"{number:02x}", "before": current.head, "revision": f"{last_revision + 1:04d}",
    }  # fmt: skip


def next_type_number(current: CurrentApp) -> int:
    """Return the number after the highest in use. Gaps stay: a deleted area may have left rows."""
    number = max([n for n in current.numbers if n < FIRST_RESERVED_NUMBER], default=0) + 1
    if number == FIRST_RESERVED_NUMBER:
        raise InvalidNameError(f"all type numbers below {FIRST_RESERVED_NUMBER} are in use; an id has one byte for it")
    return number


def inspect_app() -> CurrentApp:
    """Load the app, without a database, and collect what exists."""
    if (source := str(ROOT / "src")) not in sys.path:
        sys.path.insert(0, source)
    # Imported here, so that an invalid name is refused without loading the app.
    from advanced_alchemy.base import DefaultBase
    from graphql import build_schema

    from tradepost.app import create_app
    from tradepost.kit.db.base import Table
    from tradepost.migrations.head import head_revision
    from tradepost.migrations.runner import load_metadata
    from tradepost.settings import Settings

    app = create_app(Settings.read({"SECRET_KEY": "only to inspect the app, nothing is served"}, env_file=None))
    schema = build_schema(app.state.graphql.sdl())
    roots = [root for root in (schema.query_type, schema.mutation_type) if root is not None]
    names = {
        *load_metadata().tables,
        *schema.type_map,
        *[name for root in roots for name in root.fields],
        *[route.path.split("/")[1] for route in app.routes],
        # Results that only one API has are not in the GraphQL schema.
        *app.state.registry.results,
    }
    rows = [mapper.class_ for mapper in DefaultBase.registry.mappers]
    numbers = [row.__number__ for row in rows if issubclass(row, Table) and hasattr(row, "__number__")]
    return CurrentApp(frozenset(names), frozenset(numbers), head_revision())


def refuse_template_names(area: str, thing: str) -> None:
    """Refuse a resource that would hide a name used in the templates, such as `Page` or `@get`."""
    marker = "zzz"
    rendered = render(marker, marker, CurrentApp(frozenset(), frozenset(), ""))
    used = {name for text in rendered.values() for name in identifiers(text) if marker not in name.lower()}
    new_names = {thing, plural(thing), pascal(thing), pascal(plural(thing))}
    if clash := sorted(new_names & {*used, *keyword.kwlist}):
        raise InvalidNameError(
            f"`{clash[0]}` has a meaning in the code of every area; choose another name for the resource:"
            f" just new-area {area} THING"
        )


def identifiers(text: str) -> set[str]:
    """Return the names that a module binds or uses."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case (
                ast.Name(id=name)
                | ast.arg(arg=name)
                | ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                names.add(name)
            case ast.alias(name=name, asname=alias):
                names.add(alias or name.split(".")[0])
            case _:
                pass
    return names


def add_to_areas(text: str, area: str) -> str:
    """Return app.py with the area at its place in AREAS (see ORDER)."""
    listed = re.search(r"^AREAS\b[^=]*= (\([^()]*\))$", text, re.MULTILINE)
    if not listed:
        raise InvalidNameError(f"{APP.relative_to(ROOT)} has no AREAS = (...) to add the area to")
    areas = list(ast.literal_eval(listed[1]))
    rank = _rank(area)
    place = next((n for n, other in enumerate(areas) if _rank(other) > rank), len(areas))
    areas.insert(place, area)
    names = ", ".join([f'"{name}"' for name in areas])
    return f"{text[: listed.start(1)]}({names}){text[listed.end(1) :]}"


def _rank(area: str) -> float:
    return ORDER.index(area) if area in ORDER else ORDER.index("webhooks") - 0.5


def pascal(words: str) -> str:
    """`gift_card` becomes `GiftCard`."""
    return "".join([word.capitalize() for word in words.split("_")])


def camel(words: str) -> str:
    """`gift_card` becomes `giftCard`."""
    return words[0] + pascal(words)[1:]


def hyphened(words: str) -> str:
    """`gift_card` becomes `gift-card`."""
    return words.replace("_", "-")


def spaced(words: str) -> str:
    """`gift_card` becomes `gift card`."""
    return words.replace("_", " ")


def singular(words: str) -> str:
    """`categories` becomes `category`, `boxes` `box`, `gifts` `gift`."""
    if words.endswith("ies"):
        return f"{words[:-3]}y"
    return words[:-2] if re.search(r"(ss|[^aeo]us|x|ch|sh)es$", words) else words.removesuffix("s")


def plural(words: str) -> str:
    """`category` becomes `categories`, `box` `boxes`, `gift` `gifts`."""
    if re.search(r"[^aeiou]y$", words):
        return f"{words[:-1]}ies"
    return f"{words}es" if re.search(r"(s|x|z|ch|sh)$", words) else f"{words}s"


if __name__ == "__main__":
    main(sys.argv[1:])
