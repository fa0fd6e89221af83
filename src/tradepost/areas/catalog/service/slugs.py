"""Which slug a row gets: the given one, else one made from its name that is free."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import UnsetType
from sqlalchemy import Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from tradepost.kit.ids import parse_id
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Validation
from tradepost.kit.text.slugs import numbered_slug, slugify

from ..models import CategoryRow, ProductRow
from ..schemas import RESERVED_SLUGS

# How many more candidates are looked up each time that none was free.
GROWTH = 10

type Named = type[ProductRow] | type[CategoryRow]


async def choose(service: Service, row: Named, given: str | UnsetType, name: str) -> str:
    """The slug of a new row. A made one that another write takes first is made again (`Context.made`)."""
    return (await choose_all(service, row, [name]))[0] if isinstance(given, UnsetType) else check(given)


async def choose_all(service: Service, row: Named, names: Sequence[str], avoid: Collection[str] = ()) -> list[str]:
    """Slugs made for new rows, one for each name, none twice and none of `avoid`; with `-2`, `-3`, ... where they are taken."""
    wanted = [
        f"{slug}-1" if parse_id(slug) else slug for slug in [slugify(name, str(row.__tablename__)) for name in names]
    ]
    service.context.work.generated_fields.add("slug")
    await _take_turns(service, row, sorted(set(wanted)))
    count, step = Counter(wanted), 1
    seen, free = dict.fromkeys(count, 0), {slug: list[str]() for slug in count}
    while None in (dealt := _deal(wanted, free)):
        lacking = {slug for slug, got in zip(wanted, dealt, strict=True) if got is None}
        candidates = {
            slug: [numbered_slug(slug, seen[slug] + 1 + i) for i in range(count[slug] * step)] for slug in lacking
        }
        query = select(row.slug).where(
            service.context.database.in_values(row.slug, sorted({c for few in candidates.values() for c in few}))
        )
        taken = RESERVED_SLUGS.union(avoid, await service.session.scalars(query))
        for slug, few in candidates.items():
            seen[slug] += len(few)
            free[slug] += [c for c in few if c not in taken]
        step *= GROWTH
    return [slug for slug in dealt if slug is not None]


def _deal(wanted: Sequence[str], free: Mapping[str, Sequence[str]]) -> list[str | None]:
    """The first free slug for each in turn, none twice; None where the known ones are used up."""
    used, out = set[str](), list[str | None]()
    for slug in wanted:
        found = next((f for f in free[slug] if f not in used), None)
        if found is not None:
            used.add(found)
        out.append(found)
    return out


async def _take_turns(service: Service, row: Named, wanted: Sequence[str]) -> None:
    """Writes that make the same slug go one after another: each sees what the one before took, instead of losing to it. SQLite's writes do so anyway."""
    if not service.context.database.is_sqlite:
        keys = (
            func.unnest(literal([f"{row.__tablename__}.slug:{slug}" for slug in wanted], ARRAY(Text)))
            .table_valued("key", name="k")
            .render_derived(name="k")
        )
        await service.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(keys.c.key, 0))))


def check(slug: str, at: str = "") -> str:
    """Refuses a slug that looks like an id or is a word of a path: a path could mean either. `at` is where its input stands."""
    if parse_id(slug):
        raise Validation.at_pointer(f"{at}/slug", "A slug may not look like a UUID.", "not_allowed")
    if slug in RESERVED_SLUGS:
        raise Validation.at_pointer(
            f"{at}/slug", f"`{slug}` has a meaning of its own in a path; choose another slug.", "not_allowed"
        )
    return slug
