"""Ways that share what they have in common."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ds2kit.decoding.paths import Said, common
from ds2kit.decoding.words import Emission


def way(beginning: Said, *tokens: int) -> Said:
    """A way of one frame an emission, the token as its probability."""
    said = beginning
    for token in tokens:
        said = Said(said, token, said.end, said.end + 1, float(token))
    return said


def test_emissions_come_in_order() -> None:
    beginning = Said.nothing()

    found = way(beginning, 3, 5)

    assert found.since(beginning) == [Emission(3, 0, 1, 3.0), Emission(5, 1, 2, 5.0)]
    assert found.since(found) == []
    assert found.without(1).since(beginning) == [Emission(3, 0, 1, 3.0)]


def test_an_emission_that_goes_on_is_as_sure_as_in_its_surest_frame() -> None:
    beginning = Said.nothing()
    first = Said(beginning, 1, 0, 1, 0.5)

    longer = first.longer(2, 0.8).longer(3, 0.6)

    assert longer.since(beginning) == [Emission(1, 0, 3, 0.8)]
    assert first.since(beginning) == [Emission(1, 0, 1, 0.5)]


def test_what_is_common_is_the_same_emission_not_one_like_it() -> None:
    beginning = Said.nothing()
    shared = way(beginning, 1, 2)
    again = way(beginning, 1, 2)

    assert common([way(shared, 3), way(shared, 4, 5), shared]) is shared
    assert common([way(shared, 3), way(again, 3)]) is beginning
    assert common([shared]) is shared


@given(st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=6))
def test_what_is_common_to_any_ways(drawn: list[list[int]]) -> None:
    """Of ways in a tree, the longest beginning that all have."""
    nodes: dict[tuple[int, ...], Said] = {(): Said.nothing()}
    for tokens in drawn:
        for end in range(1, len(tokens) + 1):
            here = tuple(tokens[:end])
            nodes.setdefault(here, way(nodes[here[:-1]], here[-1]))

    length = 0
    while all(tokens[: length + 1] == drawn[0][: length + 1] for tokens in drawn) and length < min(
        map(len, drawn)
    ):
        length += 1
    assert common(nodes[tuple(tokens)] for tokens in drawn) is nodes[tuple(drawn[0][:length])]


def test_what_is_forgotten_is_let_go() -> None:
    beginning = Said.nothing()
    shared = way(beginning, 1, 2)
    end = way(shared, 3)

    shared.forget()

    assert end.since(shared) == [Emission(3, 2, 3, 3.0)]
    assert shared.before is None
    assert common([end, way(shared, 4)]) is shared
