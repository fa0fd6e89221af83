"""What is remembered of credentials: for a minute, a bounded number, and never beyond a revocation."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tradepost.areas.accounts.credential_cache import CredentialCache
from tradepost.kit.auth.caller import Caller

ANN = Caller(id="ann", role="customer")


class Time:
    """A clock that goes when it is told to."""

    moment = 1000.0

    def __call__(self) -> float:
        return self.moment


def test_it_is_found_by_its_whole_text_for_a_minute() -> None:
    time = Time()
    remembered = CredentialCache(b"secret", clock=time)
    assert remembered.get(b"token") is None
    assert remembered.store(remembered.generation(), b"token", ANN, user="ann")
    time.moment += 59.9
    assert remembered.get(b"token") is ANN
    assert remembered.get(b"toke") is remembered.get(b"token ") is remembered.get(b"") is None
    time.moment += 0.1
    assert remembered.get(b"token") is None
    assert len(remembered) == 0


def test_it_ends_with_the_credential_itself() -> None:
    time = Time()
    remembered = CredentialCache(b"secret", clock=time)
    soon, gone = datetime.now(UTC) + timedelta(seconds=30), datetime.now(UTC) - timedelta(seconds=1)
    assert remembered.store(remembered.generation(), b"soon", ANN, expires=soon)
    assert not remembered.store(remembered.generation(), b"gone", ANN, expires=gone)
    time.moment += 30
    assert remembered.get(b"soon") is remembered.get(b"gone") is None


def test_no_credential_stands_in_it() -> None:
    remembered = CredentialCache(b"secret")
    remembered.store(remembered.generation(), b"a-very-secret-token", ANN, user="ann")
    assert "a-very-secret-token" not in repr(vars(remembered))
    other = CredentialCache(b"other")
    assert remembered._digest(b"token") != other._digest(b"token")


def test_the_oldest_goes_first_and_one_by_one() -> None:
    remembered = CredentialCache(b"secret", max_entries=3)
    for number in range(5):
        remembered.store(remembered.generation(), b"%d" % number, ANN, user="ann", session=str(number))
    assert [number for number in range(5) if remembered.get(b"%d" % number)] == [2, 3, 4]
    assert len(remembered._digests_by_tag) == 4  # nothing is left of those that went


def test_what_was_looked_up_before_a_revocation_is_not_kept_after_it() -> None:
    for mark in ({"user": "ann"}, {"session": "s1"}, {"key": "k1"}):
        remembered = CredentialCache(b"secret")
        ticket = remembered.generation()
        remembered.invalidate(**mark)
        assert not remembered.store(ticket, b"token", ANN, user="ann", session="s1", key="k1")
        assert remembered.get(b"token") is None
        assert remembered.store(ticket, b"other", ANN, user="bob", session="s2", key="k2")
        assert remembered.store(remembered.generation(), b"token", ANN, user="ann", session="s1", key="k1")


def test_a_user_and_a_session_of_the_same_name_are_two() -> None:
    remembered = CredentialCache(b"secret")
    remembered.store(remembered.generation(), b"token", ANN, user="x")
    remembered.invalidate(session="x", key="x")
    assert remembered.get(b"token") is ANN


def test_an_old_ticket_is_worth_nothing_when_more_was_forgotten_than_can_be_known() -> None:
    remembered = CredentialCache(b"secret", max_entries=3)
    ticket = remembered.generation()
    remembered.invalidate(user="ann")
    for number in range(10):
        remembered.invalidate(user=str(number))
    assert not remembered.store(ticket, b"token", ANN, user="ann")
    assert len(remembered._invalidated) == 3


def test_nothing_that_was_begun_before_all_was_dropped_is_kept() -> None:
    remembered = CredentialCache(b"secret")
    remembered.store(remembered.generation(), b"one", ANN, user="ann")
    ticket = remembered.generation()
    remembered.clear()
    assert not remembered.store(ticket, b"two", ANN, user="ann")
    assert remembered.get(b"one") is remembered.get(b"two") is None
    assert remembered.store(remembered.generation(), b"two", ANN, user="ann")


NAMES = st.sampled_from(["a", "b", "c"])
MAYBE = st.none() | NAMES


class Remembering(RuleBasedStateMachine):
    """Against a model that keeps the whole history: what is found was looked up after the last thing that revoked it."""

    def __init__(self) -> None:
        super().__init__()
        self.remembered, self.history = (
            CredentialCache(b"secret", max_entries=4),
            list[tuple[str | None, str | None, str | None]](),
        )
        self.tickets = [(0, 0)]
        self.known: dict[str, tuple[int, tuple[str | None, str | None, str | None]]] = {}

    @rule()
    def begin(self) -> None:
        self.tickets.append((self.remembered.generation(), len(self.history)))

    @rule(text=st.sampled_from("pqrstuv"), at=st.integers(0, 100), user=MAYBE, session=MAYBE, key=MAYBE)
    def keep(self, text: str, at: int, user: str | None, session: str | None, key: str | None) -> None:
        ticket, since = self.tickets[at % len(self.tickets)]
        if self.remembered.store(ticket, text.encode(), ANN, user=user, session=session, key=key):
            self.known[text] = since, (user, session, key)

    @rule(user=MAYBE, session=MAYBE, key=MAYBE)
    def forget(self, user: str | None, session: str | None, key: str | None) -> None:
        self.remembered.invalidate(user=user, session=session, key=key)
        self.history.append((user, session, key))

    @invariant()
    def nothing_revoked_is_found(self) -> None:
        for text, (since, marks) in self.known.items():
            if self.remembered.get(text.encode()):
                for revoked in self.history[since:]:
                    assert not any(one is not None and one == other for one, other in zip(marks, revoked, strict=True))

    @invariant()
    def it_is_bounded_and_its_index_fits(self) -> None:
        assert len(self.remembered) <= 4
        assert len(self.remembered._invalidated) <= 4
        entries = self.remembered._entries
        assert {(mark, digest) for digest, e in entries.items() for mark in e.tags} == {
            (m, d) for m, ds in self.remembered._digests_by_tag.items() for d in ds
        }


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(deadline=None, max_examples=60)
