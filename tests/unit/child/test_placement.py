from roomtape.child.placement import Placement
from roomtape.child.sdp import Media
from roomtape.model import Feed, TrackKind

AUDIO, VIDEO = TrackKind.AUDIO, TrackKind.VIDEO
BOTH = frozenset({AUDIO, VIDEO})
CAMERA = (Media(1, "1", VIDEO, "cam"), Media(2, "2", AUDIO, "cam"))
SHARED = (Media(3, "3", AUDIO, "desk"), Media(4, "4", VIDEO, "desk"))
ADDED_LATER = Media(3, "3", AUDIO, "mic")


def test_the_first_picture_and_sound_are_the_camera_whatever_their_streams_are_called() -> None:
    placement = Placement()
    placement.offered((Media(0, "a", AUDIO, "x"), Media(1, "b", VIDEO, "y")))
    assert placement.live(Feed.CAMERA) == BOTH
    assert placement.live(Feed.SCREEN) == frozenset()


def test_what_the_offer_names_is_the_screen() -> None:
    placement = Placement()
    placement.offered(CAMERA)
    placement.offered(CAMERA + SHARED, [2, 3])
    assert [placement.of(index) for index in range(6)] == [None, *[Feed.CAMERA] * 2, *[Feed.SCREEN] * 2, None]
    assert placement.live(Feed.SCREEN) == BOTH


def test_the_screens_sound_does_not_become_the_voice_of_a_guest_without_microphone() -> None:
    placement = Placement()
    placement.offered((CAMERA[0], *SHARED), [1, 2])
    assert placement.live(Feed.CAMERA) == {VIDEO}
    assert placement.live(Feed.SCREEN) == BOTH


def test_sections_keep_their_place_in_later_offers_that_name_none() -> None:
    placement = Placement()
    placement.offered(CAMERA + SHARED, [2, 3])
    placement.offered(CAMERA + SHARED)
    assert placement.of(4) is Feed.SCREEN


def test_a_second_picture_of_another_stream_is_a_screen_even_if_nobody_says_so() -> None:
    placement = Placement()
    placement.offered(CAMERA)
    placement.offered(CAMERA + SHARED[1:])
    assert placement.of(4) is Feed.SCREEN


def test_a_second_picture_of_the_same_stream_and_a_third_one_have_no_place() -> None:
    placement = Placement()
    placement.offered((*CAMERA, Media(3, "3", VIDEO, "cam"), Media(4, "4", VIDEO, "b"), Media(5, "5", VIDEO, "c")))
    assert [placement.of(index) for index in (3, 4, 5)] == [None, Feed.SCREEN, None]


def test_sound_that_is_added_later_belongs_to_the_camera() -> None:
    placement = Placement()
    placement.offered(CAMERA[:1])
    placement.offered((*CAMERA[:1], ADDED_LATER))
    assert placement.live(Feed.CAMERA) == BOTH


def test_a_track_that_replaces_a_removed_one_takes_its_place() -> None:
    placement = Placement()
    placement.offered(CAMERA)
    gone = (Media(1, "1", VIDEO, "cam", live=False), CAMERA[1])
    placement.offered(gone)
    assert placement.live(Feed.CAMERA) == {AUDIO}
    placement.offered((*gone, Media(3, "3", VIDEO, "cam")))
    assert placement.of(3) is Feed.CAMERA
    assert placement.live(Feed.CAMERA) == BOTH


def test_a_section_gets_its_place_when_it_comes_alive() -> None:
    placement = Placement()
    placement.offered((Media(0, "0", VIDEO, live=False),))
    assert placement.of(0) is None
    placement.offered((Media(0, "0", VIDEO),))
    assert placement.of(0) is Feed.CAMERA


def test_an_m_line_that_is_used_again_under_another_mid_is_another_section() -> None:
    placement = Placement()
    placement.offered(CAMERA + SHARED, [2, 3])
    placement.offered((*CAMERA, Media(3, "9", VIDEO, "cam2")))
    assert placement.of(3) is Feed.SCREEN
    assert placement.of(4) is None


def test_positions_that_do_not_exist_are_ignored() -> None:
    placement = Placement()
    placement.offered(CAMERA, [-1, 7, 10**9])
    assert placement.live(Feed.CAMERA) == BOTH
