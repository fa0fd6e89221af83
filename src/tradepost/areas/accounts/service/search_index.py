"""The search index of users."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.text.words import normalize

from ..models import UserRow, UserSearchRow


async def index_user(session: AsyncSession, user: UserRow) -> None:
    """Replace the index entry of a user."""
    await session.flush()
    await session.execute(delete(UserSearchRow).where(UserSearchRow.id == user.id))
    names = (user.full_name, user.username or "")
    session.add(UserSearchRow(id=user.id, name=normalize(*names), words=normalize(*names, user.email)))
