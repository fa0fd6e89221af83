"""Choice of slugs: the slug given in the input, or a free one generated from the name."""

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

# If no candidate is free, the next lookup has ten times as many.
GROWTH = 10

type SluggedRow = type[ProductRow] | type[CategoryRow]


async def choose(service: Service, row: SluggedRow, slug: str | UnsetType, name: str) -> str:
    """Return the slug of a new row: `slug`, checked, or if it is unset one generated from the name.

    If a concurrent write takes a generated slug first, the operation is retried
    (`UnitOfWork.generated_fields`).
    """
    return (await choose_all(service, row, [name]))[0] if isinstance(slug, UnsetType) else check(slug)


async def choose_all(
    service: Service, row: SluggedRow, names: Sequence[str], excluded: Collection[str] = ()
) -> list[str]:
    """Generate a distinct free slug for each name, none of them in `excluded`.

    The first choice is the slugified name; if it is taken, `-2`, `-3`, ... is appended.
    """
    stems = [
        f"{slug}-1" if parse_id(slug) else slug for slug in [slugify(name, str(row.__tablename__)) for name in names]
    ]
    service.context.work.generated_fields.add("slug")
    await _lock(service, row, sorted(set(stems)))
    count, factor = Counter(stems), 1
    tried, free = dict.fromkeys(count, 0), {stem: list[str]() for stem in count}
    while None in (assigned := _assign(stems, free)):
        unassigned = {stem for stem, slug in zip(stems, assigned, strict=True) if slug is None}
        candidates = {
            stem: [numbered_slug(stem, tried[stem] + 1 + i) for i in range(count[stem] * factor)] for stem in unassigned
        }
        query = select(row.slug).where(
            service.context.database.in_values(row.slug, sorted({c for group in candidates.values() for c in group}))
        )
        taken = RESERVED_SLUGS.union(excluded, await service.session.scalars(query))
        for stem, group in candidates.items():
            tried[stem] += len(group)
            free[stem] += [c for c in group if c not in taken]
        factor *= GROWTH
    return [slug for slug in assigned if slug is not None]


def _assign(stems: Sequence[str], free: Mapping[str, Sequence[str]]) -> list[str | None]:
    """Assign to each stem in turn the first of its free slugs that is still unused, or None."""
    used, assigned = set[str](), list[str | None]()
    for stem in stems:
        slug = next((s for s in free[stem] if s not in used), None)
        if slug is not None:
            used.add(slug)
        assigned.append(slug)
    return assigned


async def _lock(service: Service, row: SluggedRow, stems: Sequence[str]) -> None:
    """Lock stems until the end of the transaction, in one order, so that no two writes deadlock.

    Writes that generate the same slug then run one after another, and each sees what the one
    before it took. SQLite needs no lock: it runs one write at a time.
    """
    if not service.context.database.is_sqlite:
        keys = (
            func.unnest(literal([f"{row.__tablename__}.slug:{stem}" for stem in stems], ARRAY(Text)))
            .table_valued("key", name="k")
            .render_derived(name="k")
        )
        await service.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(keys.c.key, 0))))


def check(slug: str, pointer: str = "") -> str:
    """Return a slug, or raise Validation if it is a UUID or reserved.

    In a path it could not be told apart from an id or from a fixed segment such as `batch`.
    `pointer` is the JSON pointer of the object that has the slug.
    """
    if parse_id(slug):
        raise Validation.at_pointer(f"{pointer}/slug", "A slug cannot be a UUID.", "not_allowed")
    if slug in RESERVED_SLUGS:
        raise Validation.at_pointer(f"{pointer}/slug", f"`{slug}` is reserved; choose another slug.", "not_allowed")
    return slug
