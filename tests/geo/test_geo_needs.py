"""Needs against complaints."""

import pandas as pd
import pytest

from geo.errors import GeoError
from geo.needs import match_needs


@pytest.mark.parametrize(
    ("needs", "complaints", "match"),
    [
        (1, 0, "said_only"),
        (1, 2, "said_only"),
        (1, 3, "both"),
        (0, 10, "complained_only"),
        (0, 9, "little"),
        (0, 0, "little"),
        (5, 50, "both"),
    ],
)
def test_what_is_said_and_what_is_complained_about(needs: int, complaints: int, match: str) -> None:
    counts = pd.DataFrame({"need_count": [needs], "complaint_count": [complaints]}, index=["甲"])
    assert match_needs(counts, few=2, many=10).to_dict() == {"甲": match}


def test_fewer_than_none_is_refused() -> None:
    with pytest.raises(GeoError, match="负数"):
        match_needs(pd.DataFrame({"need_count": [-1], "complaint_count": [0]}), 1, 10)
