"""The credential cache: entries live for a minute, are bounded in number, and end when revoked."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tradepost.areas.accounts.credential_cache import CredentialCache
from tradepost.kit.auth.caller import Caller

ANN = Caller(id="ann", role="customer")


class Time:
    """A clock that only a test can move."""

    moment = 1000.0

    def __call__(self) -> float:
        return self.moment


def test_an_entry_is_found_by_the_exact_credential_for_a_minute() -> None:
    clock = Time()
    cache = CredentialCache(b"secret", clock=clock)
    assert cache.get(b"token") is None
    assert cache.store(cache.generation(), b"token", ANN, user="ann")
    clock.moment += 59.9
    assert cache.get(b"token") is ANN
    assert cache.get(b"toke") is cache.get(b"token ") is cache.get(b"") is None
    clock.moment += 0.1
    assert cache.get(b"token") is None
    assert len(cache) == 0


def test_an_entry_expires_with_its_credential() -> None:
    clock = Time()
    cache = CredentialCache(b"secret", clock=clock)
    soon, gone = datetime.now(UTC) + timedelta(seconds=30), datetime.now(UTC) - timedelta(seconds=1)
    assert cache.store(cache.generation(), b"soon", ANN, expires=soon)
    assert not cache.store(cache.generation(), b"gone", ANN, expires=gone)
    clock.moment += 30
    assert cache.get(b"soon") is cache.get(b"gone") is None


def test_the_cache_contains_no_credential() -> None:
    cache = CredentialCache(b"secret")
    cache.store(cache.generation(), b"a-very-secret-token", ANN, user="ann")
    assert "a-very-secret-token" not in repr(vars(cache))
    other = CredentialCache(b"other")
    assert cache._digest(b"token") != other._digest(b"token")


def test_the_oldest_entry_is_evicted_first() -> None:
    cache = CredentialCache(b"secret", max_entries=3)
    for number in range(5):
        cache.store(cache.generation(), b"%d" % number, ANN, user="ann", session=str(number))
    assert [number for number in range(5) if cache.get(b"%d" % number)] == [2, 3, 4]
    assert len(cache._digests_by_tag) == 4  # evicted entries leave no tags behind


def test_a_lookup_that_began_before_an_invalidation_is_not_stored() -> None:
    for tag in ({"user": "ann"}, {"session": "s1"}, {"key": "k1"}):
        cache = CredentialCache(b"secret")
        generation = cache.generation()
        cache.invalidate(**tag)
        assert not cache.store(generation, b"token", ANN, user="ann", session="s1", key="k1")
        assert cache.get(b"token") is None
        assert cache.store(generation, b"other", ANN, user="bob", session="s2", key="k2")
        assert cache.store(cache.generation(), b"token", ANN, user="ann", session="s1", key="k1")


def test_tags_of_different_kinds_with_the_same_id_are_distinct() -> None:
    cache = CredentialCache(b"secret")
    cache.store(cache.generation(), b"token", ANN, user="x")
    cache.invalidate(session="x", key="x")
    assert cache.get(b"token") is ANN


def test_a_lookup_older_than_the_known_invalidations_is_not_stored() -> None:
    cache = CredentialCache(b"secret", max_entries=3)
    generation = cache.generation()
    cache.invalidate(user="ann")
    for number in range(10):
        cache.invalidate(user=str(number))
    assert not cache.store(generation, b"token", ANN, user="ann")
    assert len(cache._invalidated) == 3


def test_a_lookup_that_began_before_a_clear_is_not_stored() -> None:
    cache = CredentialCache(b"secret")
    cache.store(cache.generation(), b"one", ANN, user="ann")
    generation = cache.generation()
    cache.clear()
    assert not cache.store(generation, b"two", ANN, user="ann")
    assert cache.get(b"one") is cache.get(b"two") is None
    assert cache.store(cache.generation(), b"two", ANN, user="ann")


NAMES = st.sampled_from(["a", "b", "c"])
MAYBE = st.none() | NAMES


type Tags = tuple[str | None, str | None, str | None]
"""User, session and key."""


class CacheHistory(RuleBasedStateMachine):
    """Compares the cache with the full history of invalidations.

    A cached entry was looked up after the last invalidation of any of its tags.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cache = CredentialCache(b"secret", max_entries=4)
        self.history = list[Tags]()
        self.generations = [(0, 0)]
        self.stored: dict[str, tuple[int, Tags]] = {}

    @rule()
    def begin_lookup(self) -> None:
        self.generations.append((self.cache.generation(), len(self.history)))

    @rule(text=st.sampled_from("pqrstuv"), index=st.integers(0, 100), user=MAYBE, session=MAYBE, key=MAYBE)
    def store(self, text: str, index: int, user: str | None, session: str | None, key: str | None) -> None:
        generation, since = self.generations[index % len(self.generations)]
        if self.cache.store(generation, text.encode(), ANN, user=user, session=session, key=key):
            self.stored[text] = since, (user, session, key)

    @rule(user=MAYBE, session=MAYBE, key=MAYBE)
    def invalidate(self, user: str | None, session: str | None, key: str | None) -> None:
        self.cache.invalidate(user=user, session=session, key=key)
        self.history.append((user, session, key))

    @invariant()
    def no_invalidated_entry_is_cached(self) -> None:
        for text, (since, tags) in self.stored.items():
            if self.cache.get(text.encode()):
                for revoked in self.history[since:]:
                    assert not any(one is not None and one == other for one, other in zip(tags, revoked, strict=True))

    @invariant()
    def the_cache_is_bounded_and_its_index_is_consistent(self) -> None:
        assert len(self.cache) <= 4
        assert len(self.cache._invalidated) <= 4
        entries = self.cache._entries
        assert {(tag, digest) for digest, entry in entries.items() for tag in entry.tags} == {
            (tag, digest) for tag, digests in self.cache._digests_by_tag.items() for digest in digests
        }


TestCacheHistory = CacheHistory.TestCase
TestCacheHistory.settings = settings(deadline=None, max_examples=60)
