"""What asyncpg is told of times is exact to the microsecond, whenever they are."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from tradepost.kit.codecs import EPOCH, EXACT, moment_in, moment_out

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@given(st.integers((FIRST - EPOCH) // MICROSECOND, (LAST - EPOCH) // MICROSECOND))
@example(EXACT - 1)
@example(1 - EXACT)
@example(EXACT)
@example((LAST - EPOCH) // MICROSECOND)
def test_a_time_is_what_postgresql_counts(since: int) -> None:
    moment = moment_in((since,))
    assert moment == EPOCH + since * MICROSECOND
    assert moment.utcoffset() == timedelta(0)
    assert moment_out(moment) == (since,)


@given(st.integers(-EXACT + 1, EXACT - 1))
def test_the_short_way_is_exact_as_well(since: int) -> None:
    assert moment_in((since,)) == EPOCH + since * MICROSECOND
