"""Begins a room: `python scripts/new_area.py NAME [THING]` writes src/tradepost/areas/NAME, its migration and its tests.

The room keeps one kind of thing with a name, complete through both doors; change it into what you need. NAME is what it keeps in the
plural (`gift_cards`); where it is no plural (`inventory`), THING says what it keeps in the singular (`stock_level`). The texts are in
scripts/room.
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
TEXTS = ROOT / "scripts" / "room"
APP = ROOT / "src" / "tradepost" / "app.py"
ROOM = ("__init__", "models", "schemas", "policy", "resource", "service", "rest", "graphql")
# From 240 on the numbers of kinds belong to join tables and to the kit.
MOST_KINDS, LONGEST = 240, 40

NEXT = """
Next:
  pytest tests/areas/{area}    its tests pass as they are: change room and tests together
  tradepost migrate    makes its table in your database
  tests/parity/access/{area}.py    who gets what of its operations, as catalog.py beside it says of the catalogue's
  just test    says what tests/parity wants to know besides: some of its rows, its writes, the number of statements that its reads take
  just export-contract    shows in tests/contract what callers get; commit it
  CHANGELOG.md    tells them, in their words
"""


class Refusal(Exception):
    """A name that cannot become a room. The text is one line that says why, and what would do."""


@dataclass(frozen=True)
class House:
    """What the shop has already: names in use (tables, paths, GraphQL types and fields), numbers of kinds, the newest migration."""

    names: frozenset[str]
    numbers: frozenset[int]
    head: str


def main(words: list[str]) -> None:
    """Writes the room and says what it wrote and what comes next; or refuses in one line."""
    try:
        area, thing = asked(words)
        written = begin(area, thing)
    except Refusal as refusal:
        sys.exit(f"new-area: {refusal}")
    print("\n".join([str(path.relative_to(ROOT)) for path in written]))
    print(NEXT.format(area=area), end="")


def asked(words: list[str]) -> tuple[str, str]:
    """The room's name and that of its thing."""
    if len(words) not in (1, 2):
        raise Refusal("give the name of the room, such as: just new-area gift_cards")
    for word in words:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", word) or len(word) > LONGEST:
            raise Refusal(
                f"`{word}` is no name for a room; use up to {LONGEST} lower-case letters and digits, words joined by `_`, such as: gift_cards"
            )
    area, thing = words[0], words[1] if len(words) == 2 else singular(words[0])
    if (APP.parent / "areas" / area).exists() or area in keyword.kwlist:
        raise Refusal(f"`{area}` is taken: there is a room of that name, or the word is Python's own; choose another")
    if len(words) == 1 and plural(thing) != area:
        raise Refusal(
            f"`{area}` is no plural; use one (`{plural(area)}`), or say what it keeps in the singular: just new-area {area} THING"
        )
    return area, thing


def begin(area: str, thing: str) -> list[Path]:
    """Writes all files of the room, if none is there yet, and returns their paths."""
    refuse_own_words(area, thing)
    house = house_as_it_is()
    if clash := sorted(
        {thing, pascal(thing), hyphened(plural(thing)), camel(thing), camel(plural(thing))} & house.names
    ):
        raise Refusal(
            f"`{clash[0]}` is in use: a table, path or GraphQL name is called so; choose another name for the thing"
        )
    files = texts(area, thing, house) | {APP: with_room(APP.read_text(), area)}
    if there := [path for path in files if path.exists() and path != APP]:
        raise Refusal(f"{there[0].relative_to(ROOT)} exists; move it away first")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # A long name breaks lines and turns the order of imports.
    for tidy in (("check", "--fix-only"), ("format",)):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, "--quiet", *files], cwd=ROOT, check=True)
    return list(files)


def texts(area: str, thing: str, house: House) -> dict[Path, str]:
    """The files of a room."""
    said = names(area, thing, house)
    migration = ROOT / "db" / "migrations" / "versions" / f"{said['revision']}_{area}.py"
    test = ROOT / "tests" / "areas" / area / f"test_{area}.py"
    files = {
        **{APP.parent / "areas" / area / f"{name}.py": name for name in ROOM},
        migration: "migration",
        test: "test",
    }
    return {path: Template((TEXTS / f"{name}.py.txt").read_text()).substitute(said) for path, name in files.items()}


def names(area: str, thing: str, house: House) -> dict[str, str]:
    """What the texts call the room and its thing."""
    things, words, number = plural(thing), spaced(thing), free_number(house)
    a = "an" if thing[0] in "aeiou" else "a"
    last = max(
        [int(path.name[:4]) for path in (ROOT / "db/migrations/versions").glob("[0-9][0-9][0-9][0-9]_*.py")], default=0
    )
    return {
        "area_name": area, "area": spaced(area), "Area": spaced(area).capitalize(),
        "thing": thing, "things": things, "Thing": pascal(thing), "Things": pascal(things),
        "camel": camel(thing), "camels": camel(things), "path": hyphened(things),
        "a": a, "A": a.capitalize(), "words": words, "Words": words.capitalize(), "words_many": spaced(things), "Words_many": spaced(things).capitalize(),
        "number": str(number), "hex": f"{number:02x}", "before": house.head, "revision": f"{last + 1:04d}",
    }  # fmt: skip


def free_number(house: House) -> int:
    """The first number above those of the rooms that are there: ids of rows that a deleted room left behind keep their meaning."""
    number = max([n for n in house.numbers if n < MOST_KINDS], default=0) + 1
    if number == MOST_KINDS:
        raise Refusal(f"all numbers below {MOST_KINDS} name a kind of row; an id has no room for another")
    return number


def house_as_it_is() -> House:
    """Asks the shop itself, over no database."""
    if (source := str(ROOT / "src")) not in sys.path:
        sys.path.insert(0, source)
    from advanced_alchemy.base import DefaultBase  # here: a misspelled name is refused at once, without the shop
    from graphql import build_schema

    from tradepost.app import create_app
    from tradepost.kit.db.base import Table
    from tradepost.migrations.head import head_revision
    from tradepost.migrations.runner import load_metadata
    from tradepost.settings import Settings

    shop = create_app(Settings.read({"SECRET_KEY": "only to look at the house, nothing is served"}, env_file=None))
    schema = build_schema(shop.state.graphql.sdl())
    roots = [kind for kind in (schema.query_type, schema.mutation_type) if kind is not None]
    called = {
        *load_metadata().tables,
        *schema.type_map,
        *[name for root in roots for name in root.fields],
        *[r.path.split("/")[1] for r in shop.routes],
    }
    called |= {*shop.state.registry.results}  # those of one door alone stand in no other list
    rows = [mapper.class_ for mapper in DefaultBase.registry.mappers]
    return House(
        frozenset(called),
        frozenset([row.__number__ for row in rows if issubclass(row, Table) and hasattr(row, "__number__")]),
        head_revision(),
    )


def refuse_own_words(area: str, thing: str) -> None:
    """Refuses a thing whose name would hide one that the texts use: a `page` beside `Page`, a `route` beside `@route`."""
    mark = "zzz"
    found = texts(mark, mark, House(frozenset(), frozenset(), ""))
    own = {word for text in found.values() for word in identifiers(text) if mark not in word.lower()}
    if clash := sorted({thing, plural(thing), pascal(thing), pascal(plural(thing))} & {*own, *keyword.kwlist}):
        raise Refusal(
            f"`{clash[0]}` has a meaning of its own in the code of a room; name the thing otherwise: just new-area {area} THING"
        )


def identifiers(text: str) -> set[str]:
    """The names that a module binds or uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case (
                ast.Name(id=name)
                | ast.arg(arg=name)
                | ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.split(".")[0])
            case _:
                pass
    return found


def with_room(text: str, area: str) -> str:
    """The composition root with the room last in AREAS: it may import all that are there."""
    changed = re.sub(
        r"^(AREAS\b[^=]*= \((?:[^()]*[^(),\s])),?\s*\)", rf'\1, "{area}")', text, count=1, flags=re.MULTILINE
    )
    if changed == text:
        raise Refusal(f"{APP.relative_to(ROOT)} has no AREAS = (...) to add the room to")
    return changed


def pascal(words: str) -> str:
    """`gift_card` is `GiftCard`."""
    return "".join([word.capitalize() for word in words.split("_")])


def camel(words: str) -> str:
    """`gift_card` is `giftCard`."""
    return words[0] + pascal(words)[1:]


def hyphened(words: str) -> str:
    """`gift_card` is `gift-card`."""
    return words.replace("_", "-")


def spaced(words: str) -> str:
    """`gift_card` is `gift card`."""
    return words.replace("_", " ")


def singular(words: str) -> str:
    """`categories` is `category`, `boxes` is `box`, `gifts` is `gift`."""
    if words.endswith("ies"):
        return f"{words[:-3]}y"
    return words[:-2] if re.search(r"(ss|[^aeo]us|x|ch|sh)es$", words) else words.removesuffix("s")


def plural(words: str) -> str:
    """`category` is `categories`, `box` is `boxes`, `gift` is `gifts`."""
    if re.search(r"[^aeiou]y$", words):
        return f"{words[:-1]}ies"
    return f"{words}es" if re.search(r"(s|x|z|ch|sh)$", words) else f"{words}s"


if __name__ == "__main__":
    main(sys.argv[1:])
