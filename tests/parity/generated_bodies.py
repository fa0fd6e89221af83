"""Bodies drawn from the input Struct of a write: a valid body in which some members are changed."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.parity.harness import UNKNOWN_ID
from tradepost.kit.schema.struct_fields import Member, member, members

ABSENT, RESPELLED = "<absent>", "<respelled>"
"""Stand for a member that is left out, and for its value in another spelling."""

type Path = tuple[str | int, ...]
type Change = tuple[Path, Any]

BLANKS = ["", " ", "\u00a0", "\u200b", "\u3000 ", "\t", "\n"]
TEXTS = [
    *BLANKS, "x", " x ", "\ufeffx", "x\u200bx", "x\u200dx", "x\u2028y", "a\u0000b", "e\u0301", "x" * 70, "x" * 300,
    "true", "1.0", "oak-chair", "EUR", "DK", "kim@shop.example", "+4587654321", UNKNOWN_ID, "no-id",
]  # fmt: skip
NUMBERS = [0, 1, 1.0, 2.0, -1, -1.0, 1.5, 3, 100, 2**31, 2.0**31, 2**53, 2**63 - 1, 2**63, 1e19, 1e300]
SCALARS = [None, True, False, *NUMBERS]
TREES = [[], [None], ["x"], ["x", 1], [[]], {}, {"a_b": [1.0, None]}, {"amount": 1.0}, {" a ": "x", "a": "y"}]
TIMES = ["2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000006+02:00", "2030-01-02", "yesterday", 1_700_000_000]
EXTRA_MEMBERS = [("nope",), ("",)]


def values_of(described: Member) -> list[Any]:
    """Return values for a member: fitting ones twice, so that they are drawn more often."""
    match described.kind:
        case "text" | "id":
            fitting: list[Any] = TEXTS
        case "int" | "float":
            fitting = NUMBERS
        case "bool":
            fitting = [True, False]
        case "enum":
            assert described.enum is not None
            fitting = [m.value for m in described.enum]
        case "moment":
            fitting = TIMES
        case "list":
            assert described.item is not None
            items = values_of(described.item)
            fitting = [[], *[[item] for item in items[:40]], items[:2]]
        case _:
            fitting = TREES
    return [ABSENT, None, *fitting, *fitting, *SCALARS, *TEXTS[:8], *TREES]


def places(shape: type[msgspec.Struct], path: Path = ()) -> Iterator[tuple[Path, Member]]:
    """Return all members of a Struct, also those of the Structs and of the first items in it."""
    for described in members(shape).values():
        yield (*path, described.name), described
        yield from _nested_places(described, (*path, described.name))


def _nested_places(described: Member, path: Path) -> Iterator[tuple[Path, Member]]:
    if described.shape is not None:
        yield from places(described.shape, path)
    elif described.item is not None:
        yield (*path, 0), described.item
        yield from _nested_places(described.item, (*path, 0))


@st.composite
def changes(draw: st.DrawFn, shape: type[msgspec.Struct]) -> list[Change]:
    """Draw one to three changes of a body. Half of them leave it valid, if nothing is required."""
    known = [*places(shape)]
    if draw(st.booleans()):
        paths = draw(st.lists(st.sampled_from([path for path, _ in known]), min_size=1, max_size=4))
        return [(path, draw(st.sampled_from([None, ABSENT, RESPELLED, RESPELLED]))) for path in paths]
    containers = [path[:-1] for path, _ in known if isinstance(path[-1], str)]
    drawn: list[Change] = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        if draw(st.integers(0, 11)) == 0:
            drawn.append(((*draw(st.sampled_from(containers)), *draw(st.sampled_from(EXTRA_MEMBERS))), 1))
        else:
            path, described = draw(st.sampled_from(known))
            drawn.append((path, draw(st.sampled_from(values_of(described)))))
    return drawn


@st.composite
def json_patches(draw: st.DrawFn, shape: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """Draw a JSON Patch of one to three operations."""
    known = [(f"/{name}", described) for name, described in members(shape).items()]
    others = [(path, member("", msgspec.inspect.type_info(str))) for path in ("/version", "/nope", "", "/tags/-", "x")]
    steps: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        path, described = draw(st.sampled_from([*known, *known, *others]))
        step = {"op": draw(st.sampled_from(["add", "replace", "test", "remove", "move", "copy", "nope"])), "path": path}
        if (value := draw(st.sampled_from(values_of(described)))) != ABSENT:
            step["value"] = value
        if step["op"] in ("move", "copy") and draw(st.integers(0, 4)):
            step["from"] = draw(st.sampled_from(known))[0]
        steps.append(step)
    return steps


def changed_body(body: Any, drawn: list[Change]) -> Any:
    """Return a copy of a body with these changes. Missing containers are added."""
    changed = copy.deepcopy(body)
    for path, value in drawn:
        changed = _with_change(changed, path, value)
    return changed


def _with_change(body: Any, path: Path, value: Any) -> Any:
    if not path:
        return respelled(body) if value == RESPELLED else value
    name, *rest = path
    if isinstance(name, int):
        items = list(body) if isinstance(body, list) else []
        below = _with_change(items[name] if len(items) > name else None, tuple(rest), value)
        return items[:name] if below == ABSENT else [*items[:name], below, *items[name + 1 :]]
    named = dict(body) if isinstance(body, dict) else {}
    if value in (None, ABSENT, RESPELLED) and name not in named and rest:
        return body  # there is nothing to change
    below = _with_change(named.get(name), tuple(rest), value)
    if below == ABSENT:
        named.pop(name, None)
    else:
        named[name] = below
    return named


def respelled(value: Any) -> Any:
    """Return a value in another spelling: text in blanks, whole numbers with a fraction."""
    match value:
        case bool() | None:
            return value
        case int():
            return float(value)
        case str():
            return f"\ufeff {value}\u00a0"
        case list():
            return [respelled(v) for v in value]
        case dict():
            return {name: respelled(v) for name, v in value.items()}
        case _:
            return value
