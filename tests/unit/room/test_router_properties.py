"""Whatever happens in whatever order: nothing raises, no child is told or stopped out of turn, and nothing is left.

What effects may do at all is checked by the World that performs them; here is what must hold in between.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roomtape.errors import AllCandidatesFailed, NoCommonCodec, PeerSaidBye, RecorderError
from roomtape.ipc.messages import ChannelNegotiated, FromChild, NoMedia
from roomtape.model import Description, PeerId, SdpType, SessionId, TrackKind
from roomtape.room.effects import Timer
from roomtape.room.outcome import SessionState
from roomtape.room.owners import MAX_OWNERS
from roomtape.room.places import holds_place
from roomtape.signaling.messages import DescriptionReceived, MemberJoined, ServerAlert, Side, Undecryptable
from tests.support.router_world import FakeChild, World, wire

PEERS = st.sampled_from(["u1", "u2", "u3", "u4", *(f"flood{n}" for n in range(3))])
STREAMS = st.sampled_from(["ann", "bob", "cy"])
SESSIONS = st.sampled_from([None, "s1", "s2"])
ERRORS: list[RecorderError] = [PeerSaidBye("the guest left"), AllCandidatesFailed("no way"), NoCommonCodec("AV1")]
CHILD_WORDS: list[FromChild] = [NoMedia(detail="nothing comes"), ChannelNegotiated(offers=1)]


class RouterMachine(RuleBasedStateMachine):
    @initialize(wanted=st.sampled_from([(), ("ann", "bob")]), alone=st.booleans(), places=st.integers(0, 2))
    def begin(self, wanted: tuple[str, ...], alone: bool, places: int) -> None:
        self.places = places
        self.world = World(*wanted, alone=alone, obedient=False, max_streams=places)
        self.world.joined()

    # --- signals --------------------------------------------------------------------------------------------------

    @rule(peer=PEERS, stream=STREAMS)
    def announce(self, peer: str, stream: str) -> None:
        self.world.announce(peer, stream)

    @rule(peer=PEERS, stream=st.none() | STREAMS, session=SESSIONS, from_scene=st.booleans())
    def offer(self, peer: str, stream: str | None, session: str | None, from_scene: bool) -> None:
        self.world.offer(peer, stream, session, from_scene=from_scene)

    @rule(peer=PEERS, session=SESSIONS, number=st.integers(0, 70), side=st.sampled_from([None, *Side]))
    def trickle(self, peer: str, session: str | None, number: int, side: Side | None) -> None:
        self.world.trickle(peer, session, *range(number), side=side)

    @rule(peer=PEERS, kind=st.integers(0, 4))
    def something_else(self, peer: str, kind: int) -> None:
        world, answer = self.world, Description(SdpType.ANSWER, "v=0")
        match kind:
            case 0:
                world.gone(peer)
            case 1:
                world.signal(Undecryptable(PeerId(peer), "cannot be decrypted"))
            case 2:
                world.signal(DescriptionReceived(PeerId(peer), SessionId("s1"), wire("ann"), answer))
            case 3:
                world.signal(MemberJoined(PeerId(peer), asks_offer=True))
            case 4:
                world.signal(ServerAlert("Room is full"))

    @rule()
    def rejoin(self) -> None:
        self.world.joined()

    # --- children -------------------------------------------------------------------------------------------------

    def running(self) -> list[FakeChild]:
        return [child for child in self.world.children.values() if not child.exited]

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def child_gets_ready(self, data: st.DataObject) -> None:
        self.world.ready(data.draw(st.sampled_from(self.running())).number)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), good=st.booleans())
    def child_answers(self, data: st.DataObject, good: bool) -> None:
        child = data.draw(st.sampled_from(self.running()))
        newest = child.offers()[-1].negotiation if child.offers() else 0
        self.world.answer(child.number, newest if good else newest - 1)
        self.world.local_candidates(child.number)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), step=st.integers(0, 3))
    def child_gets_on(self, data: st.DataObject, step: int) -> None:
        number = data.draw(st.sampled_from(self.running())).number
        match step:
            case 0:
                self.world.connected(number)
            case 1:
                self.world.media(number, data.draw(st.sampled_from(TrackKind)))
            case 2:
                self.world.stats(number, data.draw(st.sampled_from([0, 900, 3000, 20_000])))
            case 3:
                self.world.say(number, data.draw(st.sampled_from(CHILD_WORDS)))

    @precondition(lambda self: self.running())
    @rule(data=st.data(), error=st.sampled_from(ERRORS))
    def child_fails(self, data: st.DataObject, error: RecorderError) -> None:
        self.world.fail(data.draw(st.sampled_from(self.running())).number, error)

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def child_exits(self, data: st.DataObject) -> None:
        self.world.exit(data.draw(st.sampled_from(self.running())).number, "ended by SIGSEGV")

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 16.0, 200.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def states_are_what_they_say(self) -> None:
        world = self.world
        taken = sum(map(holds_place, world.router._sessions.values()))
        assert taken <= (self.places or taken)
        if taken < self.places:
            assert not world.router._places
        for stream, session in world.router._sessions.items():
            live = session.live()
            assert bool(live) is (session.state is SessionState.ACTIVE)
            assert [attempt.child for attempt in live] == [child.number for child in world.live(stream)]
            assert (Timer("retry", stream) in world.timers) is (session.state is SessionState.WAITING)
            asking = session.state is SessionState.ENDED or any(attempt.asking for attempt in live)
            if session.state is not SessionState.FAILED:  # asked for as well, if trying again may help
                assert (Timer("replay", stream) in world.timers) is asking
            assert sum(not attempt.taken for attempt in live) <= 1
            assert len(session.owners) <= MAX_OWNERS
            assert sum(attempt.recording for attempt in live) <= 1

    @invariant()
    def the_user_reads_the_truth(self) -> None:
        for stream, session in self.world.router._sessions.items():
            state = self.world.row(stream)[0]
            if stream in self.world.router._places:  # it came back after its end
                assert (state, session.final) == ("waiting", True)
                continue
            recording = any(attempt.recording for attempt in session.live())
            assert (state == "recording") is recording
            assert (state == "failed") is (session.state is SessionState.FAILED)
            assert (state == "finished") is (session.state is SessionState.ENDED)

    @invariant()
    def timers_belong_to_someone(self) -> None:
        for timer in self.world.timers:
            if isinstance(timer.of, int):
                assert self.world.children[timer.of].live

    def teardown(self) -> None:
        world = self.world
        world.leave()
        assert not world.timers
        assert not any(child.live for child in world.children.values())
        for child in self.running():
            world.exit(child.number)
        assert world.router.idle
        spawned = len(world.children)
        world.announce("u1", "ann")
        world.joined()
        assert len(world.children) == spawned


RouterMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRouter = RouterMachine.TestCase
