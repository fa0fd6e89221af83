"""Slugs of new rows: checked if the input has one, else generated from a member such as the name.

If a concurrent write takes a generated slug first, the operation is retried
(`UnitOfWork.generated_fields`).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ..ids import parse_id
from ..problems import Validation
from ..resource.resource import Resource
from ..text.slugs import RESERVED_SLUGS, numbered_slug, slugify
from .call_context import CallContext

# If no candidate is free, the next lookup has ten times as many.
GROWTH = 10


async def generate_slugs(
    context: CallContext, resource: Resource[Any], names: Sequence[str], excluded: Collection[str] = ()
) -> list[str]:
    """Generate a distinct free slug for each name, none of them in `excluded`.

    The first choice is the slugified name; if it is taken, `-2`, `-3`, ... is appended.
    """
    session, column = context.session, resource.table.c.slug
    default = str(resource.model.__tablename__)
    stems = [f"{slug}-1" if parse_id(slug) else slug for slug in [slugify(name, default) for name in names]]
    context.work.generated_fields.add("slug")
    if not context.database.is_sqlite:
        await _lock(session, [f"{column}:{stem}" for stem in sorted(set(stems))])
    count, factor = Counter(stems), 1
    tried, free = dict.fromkeys(count, 0), {stem: list[str]() for stem in count}
    while None in (assigned := _assign(stems, free)):
        unassigned = {stem for stem, slug in zip(stems, assigned, strict=True) if slug is None}
        candidates = {
            stem: [numbered_slug(stem, tried[stem] + 1 + i) for i in range(count[stem] * factor)] for stem in unassigned
        }
        values = sorted({c for group in candidates.values() for c in group})
        query = select(column).where(context.database.in_values(column, values))
        taken = RESERVED_SLUGS.union(excluded, await session.scalars(query))
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


async def _lock(session: AsyncSession, names: Sequence[str]) -> None:
    """Lock sorted names until the end of the transaction, in one order, so that no writes deadlock.

    Writes that generate the same slug then run one after another, and each sees what the one
    before it took. SQLite needs no lock: it runs one write at a time.
    """
    keys = func.unnest(literal(names, ARRAY(Text))).table_valued("key", name="k").render_derived(name="k")
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(keys.c.key, 0))))


def check_slug(slug: str, pointer: str = "") -> None:
    """Raise Validation if a slug is a UUID or reserved.

    In a path it could not be told apart from an id or from a fixed segment such as `batch`.
    `pointer` is the JSON pointer of the object that has the slug.
    """
    if parse_id(slug):
        raise Validation.at_pointer(f"{pointer}/slug", "A slug cannot be a UUID.", "not_allowed")
    if slug in RESERVED_SLUGS:
        raise Validation.at_pointer(f"{pointer}/slug", f"`{slug}` is reserved; choose another slug.", "not_allowed")
