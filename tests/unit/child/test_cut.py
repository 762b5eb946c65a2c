import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.cut import COMPANY_S, CUT_S, LIP_SYNC_S, PICTURE_S, SILENCE_S, CutPlan, Do, Place
from roomtape.model import TrackKind

AUDIO, VIDEO = TrackKind.AUDIO, TrackKind.VIDEO
BOTH = frozenset({AUDIO, VIDEO})
TICK_S = 0.25


class Deck:
    """What a tape does with the plan's decisions, on a clock of its own; every decision is checked on the way.

    `packets` and `key frame` of a track happen between two ticks. Sound can begin anywhere, a picture at a key frame.
    """

    def __init__(
        self, expected: Iterable[TrackKind] = BOTH, *, synced: bool = True, container_allows: bool = False
    ) -> None:
        """`container_allows`: a track that has left may go on in the same file."""
        self.plan = CutPlan(LIP_SYNC_S, frozenset(expected))
        self.synced = synced
        self.container_allows = container_allows
        self.now = 0.0
        self.rejoined: list[tuple[float, TrackKind]] = []
        self.members: set[TrackKind] = set()
        self.file: set[TrackKind] = set()
        self.closed: set[TrackKind] = set()
        self.standing: dict[TrackKind, float] = {}
        self.counts: dict[TrackKind, int] = {}
        self.opened: list[tuple[float, tuple[TrackKind, ...]]] = []
        self.left: list[tuple[float, TrackKind]] = []

    def step(self, packets: Iterable[TrackKind] = (), key_frame: bool = True) -> None:
        heard = set(packets)
        for kind in sorted(heard):
            if kind not in self.counts:
                self.come(kind)
                self.plan.synced = self.synced
            self.counts[kind] = self.counts.get(kind, 0) + 10
            if kind in self.closed and (key_frame or kind is AUDIO):
                self.closed.remove(kind)
                self.standing[kind] = self.now
                may_rejoin = self.container_allows and kind in self.members
                self._obey(self.plan.at_gate(kind, self.now, may_rejoin=may_rejoin))
        self.now += TICK_S
        before = set(self.file)
        silenced = self.plan.counted(dict(self.counts), self.now)
        assert not silenced.leave or (heard & before and set(silenced.leave) < before)
        self._obey(silenced)
        self._obey(self.plan.tick(self.now))

    def come(self, kind: TrackKind) -> None:
        """A track of this kind is linked, the first one or another in its stead."""
        self._obey(self.plan.track_came(kind))
        self.standing.pop(kind, None)
        self.closed.add(kind)

    def run(self, seconds: float, packets: Iterable[TrackKind] = (), key_frame: bool = True) -> None:
        packets = list(packets)
        for _ in range(round(seconds / TICK_S)):
            self.step(packets, key_frame)

    def _obey(self, do: Do) -> None:
        for kind in do.cut:
            assert kind in self.file
            assert kind not in self.closed
            self.closed.add(kind)
        for kind in do.leave:
            assert kind in self.file
            assert kind not in self.standing
            self.file.remove(kind)
            self.closed.add(kind)
            self.left.append((self.now, kind))
        for kind in do.rejoin:
            assert kind in self.standing
            assert kind not in self.file
            del self.standing[kind]
            self.file.add(kind)
            self.rejoined.append((self.now, kind))
        if do.open:
            assert self.file <= set(do.open), "a track would stay behind in a file that ends"
            assert not self.closed & set(do.open)
            assert set(do.open) == self.standing.keys()
            self.file = set(do.open)
            self.members = set(do.open)
            self.standing.clear()
            self.opened.append((self.now, do.open))
        assert not set(self.standing) & self.closed


def on_a_tick(seconds: float) -> float:
    """The first tick at which so much time has passed."""
    return math.ceil(seconds / TICK_S) * TICK_S


# --- the first file -----------------------------------------------------------------------------------------------


def test_both_tracks_at_the_gate_open_a_file_at_once() -> None:
    deck = Deck()
    deck.step([AUDIO, VIDEO])
    assert deck.opened == [(0.0, (AUDIO, VIDEO))]


def test_a_single_expected_track_does_not_wait() -> None:
    deck = Deck([AUDIO])
    deck.step([AUDIO])
    assert deck.opened == [(0.0, (AUDIO,))]


def test_media_that_was_not_expected_is_recorded_too() -> None:
    deck = Deck([])
    deck.step([VIDEO])
    assert deck.file == {VIDEO}


def test_two_tracks_wait_for_lip_sync_but_not_for_ever() -> None:
    deck = Deck(synced=False)
    deck.run(LIP_SYNC_S + 1, BOTH)
    assert deck.opened == [(on_a_tick(LIP_SYNC_S), (AUDIO, VIDEO))]


def test_a_file_that_can_be_corrected_does_not_wait_for_lip_sync() -> None:
    plan = CutPlan(0.0, BOTH)
    for kind in BOTH:
        plan.track_came(kind)
    assert plan.at_gate(VIDEO, 5.0) == Do()
    assert set(plan.at_gate(AUDIO, 5.1).open) == BOTH


def test_the_file_opens_when_lip_sync_is_known() -> None:
    deck = Deck(synced=False)
    deck.run(0.5, BOTH)
    deck.plan.synced = True
    deck.run(1, BOTH)
    assert deck.opened == [(0.5 + TICK_S, (AUDIO, VIDEO))]


def test_one_track_needs_no_lip_sync() -> None:
    deck = Deck([VIDEO], synced=False)
    deck.step([VIDEO])
    assert deck.opened == [(0.0, (VIDEO,))]


@pytest.mark.parametrize(("first", "patience"), [(AUDIO, PICTURE_S), (VIDEO, COMPANY_S)])
def test_the_other_track_may_never_come(first: TrackKind, patience: float) -> None:
    deck = Deck()
    deck.run(60, [first])
    assert deck.opened == [(on_a_tick(patience), (first,))]
    assert deck.left == []


def test_a_picture_waits_for_its_key_frame_and_sound_does_not_wait_for_it_for_ever() -> None:
    deck = Deck()
    deck.run(PICTURE_S, BOTH, key_frame=False)
    assert deck.opened == [(PICTURE_S, (AUDIO,))]
    assert deck.plan.missing() == (VIDEO,)


# --- a track that comes later -------------------------------------------------------------------------------------


def test_sound_that_is_seconds_late_starts_a_new_file_with_both() -> None:
    deck = Deck()
    deck.run(8, [VIDEO])
    deck.step(BOTH, key_frame=False)
    assert deck.plan.missing() == (VIDEO,)
    deck.run(1, BOTH, key_frame=False)
    deck.run(2, BOTH, key_frame=True)
    assert [set(tracks) for _, tracks in deck.opened] == [{VIDEO}, BOTH]
    assert deck.opened[1][0] == 8 + TICK_S + 1
    assert deck.file == BOTH


def test_a_picture_without_key_frame_is_left_behind_and_follows_with_its_next_one() -> None:
    deck = Deck()
    deck.run(5, [VIDEO])
    deck.run(CUT_S + 2, BOTH, key_frame=False)
    assert deck.opened[1:] == [(5 + CUT_S, (AUDIO,))]
    assert deck.left == [(5 + CUT_S, VIDEO)]
    assert deck.plan.missing() == (VIDEO,)
    deck.run(1, BOTH, key_frame=True)
    assert deck.file == BOTH
    assert len(deck.opened) == 3


def test_a_track_that_falls_silent_while_it_is_cut_does_not_stop_the_new_file() -> None:
    deck = Deck()
    deck.run(5, [AUDIO])
    deck.run(CUT_S + 1, [VIDEO])
    assert deck.opened == [(on_a_tick(PICTURE_S), (AUDIO,)), (5 + CUT_S, (VIDEO,))]


# --- silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [AUDIO, VIDEO])
def test_a_silent_track_leaves_the_file_and_returns_in_a_new_one(silent: TrackKind) -> None:
    deck = Deck()
    deck.run(5, BOTH)
    deck.run(10, BOTH - {silent})
    assert deck.left == [(5 + SILENCE_S, silent)]
    assert deck.file == BOTH - {silent}
    deck.run(5, BOTH)
    assert [set(tracks) for _, tracks in deck.opened] == [BOTH, BOTH]
    assert deck.file == BOTH


@pytest.mark.parametrize("silent", [AUDIO, VIDEO])
def test_a_silent_track_comes_back_into_the_file_if_the_container_allows(silent: TrackKind) -> None:
    deck = Deck(container_allows=True)
    deck.run(5, BOTH)
    deck.run(10, BOTH - {silent})
    deck.run(5, BOTH)
    assert deck.rejoined == [(15, silent)]
    assert deck.file == BOTH
    assert len(deck.opened) == 1


def test_a_track_that_had_no_place_in_the_file_does_not_join_it() -> None:
    deck = Deck(container_allows=True)
    deck.run(5, [AUDIO])
    deck.run(5, BOTH)
    assert [set(tracks) for _, tracks in deck.opened] == [{AUDIO}, BOTH]
    assert deck.rejoined == []


@pytest.mark.parametrize("allows", [False, True])
def test_a_track_in_the_stead_of_another_takes_its_place(allows: bool) -> None:
    deck = Deck(container_allows=allows)
    deck.run(5, BOTH)
    deck.come(VIDEO)
    assert deck.left == [(5, VIDEO)]
    deck.run(2, BOTH)
    assert deck.file == BOTH
    assert len(deck.rejoined) == allows
    assert len(deck.opened) == 1 + (not allows)


def test_a_track_that_comes_has_yet_to_be_synced() -> None:
    """The sender reports of those that were there say nothing of it."""
    deck = Deck()
    deck.run(5, [VIDEO])
    assert deck.plan.synced
    deck.come(AUDIO)
    assert not deck.plan.synced


def test_a_short_silence_changes_nothing() -> None:
    deck = Deck()
    deck.step(BOTH)
    for _ in range(10):
        deck.run(SILENCE_S - TICK_S, [VIDEO])
        deck.step(BOTH)
    assert (len(deck.opened), deck.left) == (1, [])


def test_when_both_are_silent_nothing_leaves() -> None:
    deck = Deck()
    deck.run(5, BOTH)
    deck.run(60)
    assert (len(deck.opened), deck.left) == (1, [])


@pytest.mark.parametrize(("last", "first"), [(AUDIO, AUDIO), (AUDIO, VIDEO), (VIDEO, VIDEO)])
def test_a_pause_of_the_whole_guest_splits_nothing_though_one_track_stops_last_and_returns_first(
    last: TrackKind, first: TrackKind
) -> None:
    deck = Deck()
    deck.run(5, BOTH)
    deck.run(0.5, [last])
    deck.run(30)
    deck.run(0.5, [first])
    deck.run(5, BOTH)
    assert (len(deck.opened), deck.left) == (1, [])


def test_a_track_that_does_not_return_from_a_pause_leaves() -> None:
    deck = Deck()
    deck.run(5, BOTH)
    deck.run(30)
    deck.run(10, [VIDEO])
    assert deck.left == [(35 + TICK_S + SILENCE_S, AUDIO)]


def test_a_slow_picture_shows_that_the_sound_is_silent() -> None:
    deck = Deck()
    deck.run(5, BOTH)
    for _ in range(6):
        deck.step([VIDEO])
        deck.run(1 - TICK_S)
    assert [kind for _, kind in deck.left] == [AUDIO]


def test_a_track_alone_in_the_file_never_leaves() -> None:
    deck = Deck([VIDEO])
    deck.run(5, [VIDEO])
    deck.run(60)
    assert deck.file == {VIDEO}


def test_a_track_whose_packets_are_not_counted_is_never_called_silent() -> None:
    plan = CutPlan(LIP_SYNC_S, BOTH)
    for kind in BOTH:
        plan.track_came(kind)
    plan.synced = True
    for kind in BOTH:
        plan.at_gate(kind, 0.0)
    assert all(plan.counted({VIDEO: n}, float(n)) == Do() for n in range(20))


# --- always -------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.frozensets(st.sampled_from(TrackKind)), st.booleans(), st.integers(1, 15)), min_size=1, max_size=30
)


@given(steps, st.frozensets(st.sampled_from(TrackKind)), st.booleans(), st.booleans())
def test_whatever_comes_no_gate_stays_closed_for_long(
    happens: list[tuple[frozenset[TrackKind], bool, int]], expected: frozenset[TrackKind], synced: bool, allows: bool
) -> None:
    deck = Deck(expected, synced=synced, container_allows=allows)
    longest = max(COMPANY_S, PICTURE_S, CUT_S, LIP_SYNC_S)
    for packets, key_frame, times in happens:
        for _ in range(times):
            deck.step(packets, key_frame)
            assert all(deck.now - since < longest + TICK_S for since in deck.standing.values())
            assert set(deck.plan.missing()) <= deck.closed
    # Once a file was opened there always is one.
    assert bool(deck.file) == bool(deck.opened)


@given(steps, st.booleans())
def test_when_all_is_well_again_both_tracks_are_recorded(
    happens: list[tuple[frozenset[TrackKind], bool, int]], allows: bool
) -> None:
    deck = Deck(container_allows=allows)
    for packets, key_frame, times in happens:
        for _ in range(times):
            deck.step(packets, key_frame)
    deck.run(2 * max(PICTURE_S, CUT_S), BOTH)
    assert deck.file == BOTH


# --- another file, because it is time -----------------------------------------------------------------------------


def written(*kinds: TrackKind) -> CutPlan:
    """A plan whose tracks are in a file."""
    plan = CutPlan(0.0, frozenset(kinds))
    for kind in kinds:
        plan.track_came(kind)
        plan.at_gate(kind, 0.0)
    assert set(plan.places.values()) == {Place.FILE}
    return plan


def test_the_picture_is_cut_first_and_the_sound_follows_it() -> None:
    plan = written(AUDIO, VIDEO)
    assert plan.cut() == Do(cut=(VIDEO,))
    assert plan.cut() == Do()  # it is under way
    assert plan.missing() == (VIDEO,)  # so a key frame is asked for
    assert plan.at_gate(VIDEO, 10.0) == Do(cut=(AUDIO,))
    assert plan.cut() == Do()
    assert set(plan.at_gate(AUDIO, 10.1).open) == BOTH


@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_a_single_track_is_cut_alone(kind: TrackKind) -> None:
    plan = written(kind)
    assert plan.cut() == Do(cut=(kind,))
    assert plan.at_gate(kind, 10.0) == Do(open=(kind,))


def test_nothing_is_cut_when_nothing_is_written() -> None:
    assert CutPlan(0.0, BOTH).cut() == Do()


@pytest.mark.parametrize("synced", [False, True])
def test_it_is_settled_when_all_tracks_are_written_and_their_clocks_known(synced: bool) -> None:
    deck = Deck(synced=synced)
    assert deck.plan.settled, "nothing is expected of no track"
    deck.run(5, [AUDIO])
    assert deck.plan.settled is synced
    deck.come(VIDEO)
    deck.plan.synced = synced
    assert not deck.plan.settled
    deck.run(5, [AUDIO, VIDEO])
    assert deck.plan.settled is synced
    deck.run(5, [AUDIO])
    assert not deck.plan.settled
