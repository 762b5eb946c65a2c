"""Which of a guest's two feeds each media section of the connection belongs to: camera or screen. Pure.

A web page shares its screen as a second stream of the same connection: more sections, with another msid, named by the
message that offers them (protocol.md 8.3, third kind). Sections are known by their mid: they keep their place for good.
"""

from collections.abc import Iterable

from roomtape.child.sdp import Media
from roomtape.model import Feed, TrackKind


class Placement:
    """Fed with every offer of a connection, in turn."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed | None] = {}
        self._media: tuple[Media, ...] = ()
        self._camera_streams: set[str] = set()

    def offered(self, media: tuple[Media, ...], screen: Iterable[int] = ()) -> None:
        """`screen` are positions among `media`, which follows the m-lines and leaves the data channel out: the
        receivers, as the web page counts them."""
        self._media = media
        named = frozenset(screen)
        for position, section in enumerate(media):
            if section.live and section.mid not in self._feeds:
                feed = self._feeds[section.mid] = self._feed_for(section, position in named)
                if feed is Feed.CAMERA and section.stream:
                    self._camera_streams.add(section.stream)

    def _feed_for(self, section: Media, named: bool) -> Feed | None:
        """What is free: of each kind a feed has at most one section that lives.

        A second picture that nobody named a screen is recorded as one all the same, if it is of another stream.
        """
        if not named and section.kind not in self.live(Feed.CAMERA):
            return Feed.CAMERA
        is_other = named or section.stream not in self._camera_streams
        return Feed.SCREEN if is_other and section.kind not in self.live(Feed.SCREEN) else None

    def live(self, feed: Feed) -> frozenset[TrackKind]:
        """The kinds that will come on a feed, by the last offer."""
        return frozenset(section.kind for section in self._media if section.live and self._feed(section) is feed)

    def of(self, index: int) -> Feed | None:
        """The feed of what comes by the m-line of this index; None for what has no place."""
        section = next((section for section in self._media if section.index == index), None)
        return self._feed(section) if section is not None else None

    def _feed(self, section: Media) -> Feed | None:
        return self._feeds.get(section.mid)
