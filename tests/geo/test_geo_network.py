"""Networks small enough to count by hand: their parts, and the link that joins the most."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.errors import GeoError
from geo.network import find_missing_links, find_parts


def draw(links: str) -> pd.DataFrame:
    """'Ax Bx' as links A–x and B–x."""
    return pd.DataFrame([tuple(link) for link in links.split()], columns=["source", "target"])


def nodes(labels: str, closed: str = "") -> pd.DataFrame:
    """Compounds in capitals, organizations in small letters; those in `closed` cannot link."""
    return pd.DataFrame(
        {
            "is_compound": [label.isupper() for label in labels],
            "can_link": [label not in closed for label in labels],
        },
        index=list(labels),
    )


def test_the_largest_part_comes_first_and_single_nodes_are_parts() -> None:
    part = find_parts(pd.Index(list("ABCxyz")), draw("Bx Cx"))
    assert part.to_dict() == {"A": 1, "B": 0, "C": 0, "x": 0, "y": 2, "z": 3}


def test_direction_and_repeats_do_not_matter() -> None:
    part = find_parts(pd.Index(list("ABx")), draw("xA Ax Bx xB xx"))
    assert set(part) == {0}


def test_no_nodes_have_no_parts() -> None:
    assert find_parts(pd.Index([]), draw("")).empty


def test_a_link_of_a_stranger_is_refused() -> None:
    with pytest.raises(GeoError, match="网络里没有“q”"):
        find_parts(pd.Index(list("Ax")), draw("Aq"))


def test_the_two_largest_parts_are_joined_first() -> None:
    # Parts: {A, B, x} and {C, y} and {D}: 3 × 2 pairs beat 3 × 1.
    links = find_missing_links(nodes("ABCDxy"), draw("Ax Bx Cy"))
    first = links.iloc[0]
    assert (first["source"], first["target"], first["pairs"]) == ("x", "C", 6)
    assert (first["compounds_joined"], first["organizations_joined"]) == (1, 1)
    assert not first["is_tie"]
    # Then {D} against the five that are one part by then.
    assert links["pairs"].to_list() == [6, 5]
    assert links["target"].to_list() == ["C", "D"]


def test_ties_are_said() -> None:
    # {A, B, x} could be joined to {C, y} or to {D, z}: 6 pairs either way.
    links = find_missing_links(nodes("ABCDxyz"), draw("Ax Bx Cy Dz"), most=1)
    assert links.loc[0, "is_tie"]
    # x and w reach two compounds each, C and D are one part with one link each.
    links = find_missing_links(nodes("ABCDwxy"), draw("Ax Bx Aw Bw Cy Dy"), most=1)
    assert links.loc[0, "source_ties"] == ["w", "x"]
    assert links.loc[0, "target_ties"] == ["C", "D"]
    assert not links.loc[0, "is_tie"]


def test_who_comes_by_contract_is_not_sent() -> None:
    # x reaches two compounds but only by contract; w, of the same part, reaches one.
    links = find_missing_links(nodes("ABCwx", closed="x"), draw("Ax Bx Aw"), most=1)
    assert links.loc[0, "source"] == "w"
    # Where nobody can link, there is nothing to propose.
    assert find_missing_links(nodes("ABx", closed="x"), draw("Ax")).empty


def test_a_small_part_that_can_reach_out_is_joined_where_the_large_one_cannot() -> None:
    links = find_missing_links(nodes("ABCDxy", closed="x"), draw("Ax Bx Dy"), most=1)
    assert (links.loc[0, "source"], links.loc[0, "pairs"]) == ("y", 6)
    # A and B have one link each.
    assert links.loc[0, "target_ties"] == ["A", "B"]


def test_an_organization_without_a_compound_is_told_whom_to_turn_to() -> None:
    links = find_missing_links(nodes("Axz"), draw("Ax"), most=1)
    assert (links.loc[0, "source"], links.loc[0, "target"]) == ("x", "z")
    assert (links.loc[0, "compounds_joined"], links.loc[0, "organizations_joined"]) == (0, 1)


def test_where_all_is_joined_nothing_is_missing() -> None:
    assert find_missing_links(nodes("ABx"), draw("Ax Bx")).empty
    assert find_missing_links(nodes("A"), draw("")).empty
