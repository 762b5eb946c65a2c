"""How the tests share the computer: threads stand for the processes of a run, for locks belong to opened files."""

import threading
import time
from pathlib import Path

from tests.support.share import HEAVY, LIGHT, PARTS, USUAL, share_of_the_computer

HELD_S = 0.2


def test_no_more_parts_are_held_at_once_than_there_are_and_everyone_has_a_turn(tmp_path: Path) -> None:
    held, most, done = 0, 0, 0
    changing = threading.Lock()

    def take(parts: int) -> None:
        nonlocal held, most, done
        with share_of_the_computer(tmp_path, parts):
            with changing:
                held += parts
                most = max(most, held)
            time.sleep(HELD_S)
            with changing:
                held -= parts
                done += 1

    threads = [threading.Thread(target=take, args=(parts,)) for parts in (HEAVY, USUAL, LIGHT, HEAVY, LIGHT, PARTS) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (done, held) == (len(threads), 0)
    assert most == PARTS
