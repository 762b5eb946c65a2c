from roomtape.ipc.messages import OutputGranted, OutputWanted
from roomtape.model import Codec
from roomtape.room.effects import Tell
from roomtape.room.turns import Turns

BOTH = (Codec.VP8, Codec.OPUS)


def wish(*codecs: Codec, first_ns: int = 100) -> OutputWanted:
    return OutputWanted(codecs=codecs or BOTH, first_ns=first_ns)


def grant(*, header: bool, codecs: tuple[Codec, ...] = BOTH, epoch_ns: int = 100, since_ns: int = 100) -> OutputGranted:
    return OutputGranted(header=header, codecs=codecs, epoch_ns=epoch_ns, since_ns=since_ns)


def test_the_first_child_writes_the_header_and_its_first_frame_is_the_stream_s_zero() -> None:
    turns = Turns()
    assert turns.wanted(1, wish(), 500) == [Tell(1, grant(header=True))]
    assert not turns.left_out


def test_the_next_one_goes_on_without_a_header_once_the_first_is_gone() -> None:
    turns = Turns()
    turns.wanted(1, wish(), 500)
    assert turns.wanted(2, wish(first_ns=700), 800) == []
    assert turns.exited(1, 900) == [Tell(2, grant(header=False, since_ns=900))]
    assert not turns.left_out


def test_between_two_children_the_stream_is_nobody_s() -> None:
    turns = Turns()
    turns.wanted(1, wish(), 500)
    assert turns.exited(1, 900) == []
    assert turns.wanted(2, wish(first_ns=5_000), 5_100) == [Tell(2, grant(header=False, since_ns=5_100))]


def test_fewer_tracks_need_no_new_header() -> None:
    turns = Turns()
    turns.wanted(1, wish(), 500)
    turns.exited(1, 900)
    assert turns.wanted(2, wish(Codec.OPUS), 950) == [Tell(2, grant(header=False, since_ns=950))]


def test_another_codec_has_no_place_in_the_stream_and_the_rest_goes_on() -> None:
    turns = Turns()
    turns.wanted(1, wish(), 500)
    turns.exited(1, 900)
    assert turns.wanted(2, wish(Codec.H264, Codec.OPUS, first_ns=940), 950) == [
        Tell(2, grant(header=False, since_ns=950))
    ]
    assert turns.left_out == {Codec.H264}


def test_a_track_that_joins_later_has_no_place_either_and_what_there_is_loses_nothing() -> None:
    turns = Turns()
    turns.wanted(1, wish(Codec.OPUS), 500)
    assert turns.wanted(1, wish(*BOTH), 2_500) == [Tell(1, grant(header=False, codecs=(Codec.OPUS,)))]
    assert turns.left_out == {Codec.VP8}


def test_of_those_that_wait_the_newest_comes_first_and_the_ended_not_at_all() -> None:
    turns = Turns()
    turns.wanted(1, wish(), 500)
    for child in (2, 4, 3):
        assert turns.wanted(child, wish(), 600) == []
    assert turns.exited(4, 700) == []
    assert [tell.child for tell in turns.exited(1, 900)] == [3]
    assert [tell.child for tell in turns.exited(3, 950)] == [2]
    assert turns.exited(2, 960) == []
