import asyncio

from roomtape.config import IceSettings
from roomtape.ice.turn_list import CACHE_S, RETRY_S, TurnList, ice_for_a_child
from roomtape.model import TurnServer, TurnTransport

URL = "https://turnservers.example/"
PUBLISHED = (TurnServer("a.example", 3478, TurnTransport.UDP, "published", "p"),)


def listing(username: str) -> object:
    return {"servers": [{"username": username, "credential": "c", "urls": ["turn:a.example:3478"]}]}


class FakeService:
    """Answers fetches from a list of prepared replies; None stands for a failure."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def fetch(self, url: str) -> object | None:
        self.asked.append(url)
        await self.may_answer.wait()
        return self.replies.pop(0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(*replies: object) -> tuple[TurnList, FakeService, Clock]:
    service, clock = FakeService(*replies), Clock()
    return TurnList(URL, defaults=PUBLISHED, fetch=service.fetch, clock=clock), service, clock


async def user(turn_list: TurnList) -> str:
    (server,) = await turn_list.servers()
    return server.username


async def test_the_list_is_fetched_once_and_kept() -> None:
    turn_list, service, clock = make(listing("first"), listing("second"))
    assert await user(turn_list) == "first"
    clock.now += CACHE_S - 1
    assert await user(turn_list) == "first"
    assert service.asked == [URL]
    clock.now += 1
    assert await user(turn_list) == "second"


async def test_a_failure_leaves_the_published_table_and_is_not_repeated_at_once() -> None:
    turn_list, service, clock = make(None, listing("late"))
    assert await user(turn_list) == "published"
    clock.now += RETRY_S - 1
    assert await user(turn_list) == "published"
    assert len(service.asked) == 1
    clock.now += 1
    assert await user(turn_list) == "late"


async def test_a_later_failure_keeps_what_was_learnt() -> None:
    turn_list, _, clock = make(listing("first"), None)
    assert await user(turn_list) == "first"
    clock.now += CACHE_S
    assert await user(turn_list) == "first"


async def test_a_list_of_nonsense_leaves_the_published_table() -> None:
    turn_list, _, _ = make(["nonsense"])
    assert await user(turn_list) == "published"


async def test_those_who_ask_together_share_one_fetch() -> None:
    turn_list, service, _ = make(listing("first"))
    service.may_answer.clear()
    askers = [asyncio.create_task(user(turn_list)) for _ in range(10)]
    await asyncio.sleep(0)
    service.may_answer.set()
    assert await asyncio.gather(*askers) == ["first"] * 10
    assert len(service.asked) == 1


async def test_one_who_gives_up_does_not_block_the_rest() -> None:
    turn_list, service, _ = make(listing("first"), listing("second"))
    service.may_answer.clear()
    asker = asyncio.create_task(turn_list.servers())
    await asyncio.sleep(0)
    asker.cancel()
    await asyncio.gather(asker, return_exceptions=True)
    service.may_answer.set()
    assert await user(turn_list) == "first"


async def test_a_childs_servers_are_the_lists_and_their_credentials_concealed() -> None:
    turn_list, _, _ = make(listing("first"))
    concealed: list[str] = []
    servers = await ice_for_a_child(IceSettings(), turn_list, concealed.append)
    assert [server.username for server in servers.turn] == ["first"]
    assert concealed == ["c"]


async def test_without_a_list_a_child_has_what_is_configured() -> None:
    concealed: list[str] = []
    configured = IceSettings(turn=PUBLISHED)
    assert (await ice_for_a_child(configured, None, concealed.append)).turn == PUBLISHED
    assert concealed == []
