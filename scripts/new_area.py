"""Begins a room: `python scripts/new_area.py NAME [THING]` writes src/tradepost/areas/NAME, its migration and its tests.

The room keeps one kind of thing with a name, complete through both doors; change it into what you need. THING is its name in the
singular (`gift` for `gifts`), with underscores between words. The texts are in scripts/room.
"""

import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
TEXTS = Path(__file__).resolve().parent / "room"
AREAS = ROOT / "src" / "tradepost" / "areas"
APP = ROOT / "src" / "tradepost" / "app.py"
VERSIONS = ROOT / "db" / "migrations" / "versions"


def main(words: list[str]) -> None:
    """Refuses what cannot become a room; else writes it, and says what comes next."""
    if not 1 <= len(words) <= 2 or not all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", w) for w in words):
        sys.exit("usage: just new-area NAME [THING]   (lower-case words with underscores between, such as: gift_cards gift_card)")
    area = words[0]
    if (AREAS / area).exists():
        sys.exit(f"there is a room called {area} already")
    written = begin(area, words[1] if len(words) > 1 else singular(area))
    print("\n".join(str(path.relative_to(ROOT)) for path in written))
    print(f"\nNext: `pytest tests/areas/{area}`, then `just export-contract` and look at what callers get.")


def begin(area: str, thing: str) -> list[Path]:
    """Writes all files of the room and returns their paths."""
    said = names(area, thing)
    files = {AREAS / area / f"{name}.py": name for name in ("__init__", "models", "schemas", "policy", "resource", "service", "rest", "graphql")}
    files[VERSIONS / f"{said['revision']}_{area}.py"] = "migration"
    files[ROOT / "tests" / "areas" / area / f"test_{area}.py"] = "test"
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template((TEXTS / f"{text}.py.txt").read_text()).substitute(said))
    listed(area)
    return [*files, APP]


def names(area: str, thing: str) -> dict[str, str]:
    """What the texts call the room and its thing."""
    things = plural(thing)
    revisions = sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
    return {
        "area": area.replace("_", " "),
        "Area": area.replace("_", " ").capitalize(),
        "thing": thing,
        "things": things,
        "Thing": pascal(thing),
        "Things": pascal(things),
        "camel": pascal(thing)[0].lower() + pascal(thing)[1:],
        "path": things.replace("_", "-"),
        "words": thing.replace("_", " "),
        "words_many": things.replace("_", " "),
        "Words_many": things.replace("_", " ").capitalize(),
        "number": str(free_number()),
        "before": revisions[-1],
        "revision": f"{int(revisions[-1]) + 1:04d}",
    }


def listed(area: str) -> None:
    """Puts the room last into AREAS: it may import all that are there."""
    text = APP.read_text()
    changed = re.sub(r"^(AREAS\b[^=]*= \((?:[^()]*[^(),\s])),?\s*\)", rf'\1, "{area}")', text, count=1, flags=re.MULTILINE)
    if changed == text:
        sys.exit(f"{APP} has no AREAS = (...) to add the room to")
    APP.write_text(changed)


def free_number() -> int:
    """The first number above those that the ids of the rooms' rows end with; from 240 on they are the kit's and join tables'."""
    found = [n for path in AREAS.parent.rglob("*.py") for n in re.findall(r"__number__ = (?:\"\w+\", )?(\d+)", path.read_text())]
    return max([int(n) for n in found if int(n) < 240], default=0) + 1


def pascal(words: str) -> str:
    """`gift_card` is `GiftCard`."""
    return "".join(word.capitalize() for word in words.split("_"))


def singular(words: str) -> str:
    """`categories` is `category`, `gifts` is `gift`."""
    return f"{words[:-3]}y" if words.endswith("ies") else words.removesuffix("s")


def plural(words: str) -> str:
    """`category` is `categories`, `gift` is `gifts`, `box` is `boxes`."""
    if re.search(r"[^aeiou]y$", words):
        return f"{words[:-1]}ies"
    return f"{words}es" if re.search(r"(s|x|z|ch|sh)$", words) else f"{words}s"


if __name__ == "__main__":
    main(sys.argv[1:])
