"""What counts as growth."""

import pytest

from tests.soak.plot import plot
from tests.soak.samples import Sample, growths

MB = 1_000_000


def series(rss: list[int], descriptors: list[int] | None = None) -> list[Sample]:
    others = descriptors or [9] * len(rss)
    return [Sample(2.0 * n, "anna", value, other, 5) for n, (value, other) in enumerate(zip(rss, others, strict=True))]


def flat(samples: list[Sample]) -> dict[str, bool]:
    return {each.measure: each.is_flat for each in growths(samples)}


def test_warming_up_is_no_growth() -> None:
    warm = series([20 * MB, 40 * MB, 60 * MB, 60 * MB] + [60 * MB] * 12)
    assert flat(warm) == {"rss": True, "descriptors": True, "threads": True}


def test_memory_that_climbs_is_growth() -> None:
    assert not flat(series([60 * MB + n * MB for n in range(16)]))["rss"]


def test_a_descriptor_for_each_visit_is_growth() -> None:
    assert not flat(series([60 * MB] * 16, list(range(16))))["descriptors"]


@pytest.mark.parametrize("count", [0, 7])
def test_a_few_samples_say_nothing(count: int) -> None:
    assert growths(series([MB] * count)) == []


def test_the_plot_has_a_line_for_each_measure() -> None:
    picture = plot(series([60 * MB] * 16))
    assert picture.count("<polyline") == 3
    assert "anna" in picture
