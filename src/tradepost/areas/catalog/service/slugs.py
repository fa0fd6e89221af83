"""Which slug a row gets: the given one, else one made from its name that is free."""

from msgspec import UnsetType
from sqlalchemy import func, or_, select

from tradepost.kit.identity import parse_id
from tradepost.kit.problems import Validation
from tradepost.kit.service import Service
from tradepost.kit.slugs import free, slug_of

from ..models import CategoryRow, ProductRow

# What stands where a slug could stand: `/products/batch`.
RESERVED = frozenset({"batch", "import", "export"})


async def choose(service: Service, row: type[ProductRow] | type[CategoryRow], given: str | UnsetType, name: str) -> str:
    """The slug of a new row. A made one that another write takes first is made again (`Context.made`)."""
    if not isinstance(given, UnsetType):
        return check(given)
    wanted = slug_of(name, str(row.__tablename__))
    service.context.made.add("slug")
    # Writes that make the same slug go one after another: each sees what the one before took, instead of losing to it. SQLite's writes do so anyway.
    if not service.context.database.sqlite:
        await service.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{row.__tablename__}.slug:{wanted}", 0))))
    taken = await service.session.scalars(select(row.slug).where(or_(row.slug == wanted, row.slug.like(f"{wanted}-%"))))
    return free(f"{wanted}-1" if parse_id(wanted) else wanted, RESERVED.union(taken))


def check(slug: str) -> str:
    """Refuses a slug that looks like an id or is a word of a path: a path could mean either."""
    if parse_id(slug):
        raise Validation.at("/slug", "A slug may not look like a UUID.", "not_allowed")
    if slug in RESERVED:
        raise Validation.at("/slug", f"`{slug}` has a meaning of its own in a path; choose another slug.", "not_allowed")
    return slug
