from roomtape.child.shelves import RETRY_S, Shelves


def test_the_first_folder_is_preferred() -> None:
    assert Shelves(("a", "b")).to_try(0.0) == ("a", "b")


def test_one_that_refused_is_left_alone_for_a_while_and_then_comes_first_again() -> None:
    shelves = Shelves(("a", "b"))
    shelves.failed("a", 10.0)
    assert shelves.to_try(10.0 + RETRY_S / 2) == ("b",)
    assert shelves.to_try(10.0 + RETRY_S) == ("a", "b")


def test_it_is_in_doubt_until_it_takes_a_file() -> None:
    shelves = Shelves(("a",))
    assert not shelves.in_doubt("a")
    shelves.failed("a", 0.0)
    assert shelves.in_doubt("a")
    shelves.took("a")
    assert not shelves.in_doubt("a")
    assert shelves.to_try(0.1) == ("a",)
