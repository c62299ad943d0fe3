"""Coordinates: angles in every spelling, and pairs that cannot be where they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.coordinates import CODES, Extent, judge_coordinates, parse_angle

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=300)
NAN = float("nan")
# A community of about one by one kilometre in Chengdu, and the city of Boston.
COMMUNITY: Extent = (103.97, 30.65, 103.99, 30.67)
BOSTON: Extent = (-71.19, 42.23, -70.92, 42.40)

# -- angles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "degrees"),
    [
        ("104.18", 104.18),
        ("-71.0587", -71.0587),
        ("＋１０４．１８", 104.18),
        ("104.18°", 104.18),
        ("104.18度", 104.18),
        ("E104.18", 104.18),
        ("104.18E", 104.18),
        ("W71.0587", -71.0587),
        ("南纬30.5", -30.5),
        ("东经104.18", 104.18),
        ("经度：104.18", 104.18),
        ("104°10′48″", 104.18),
        ("104°10′48", 104.18),
        ("104º10'48\"", 104.18),
        ("104° 10’ 48”", 104.18),
        ("104°10'48''", 104.18),
        ("104度10分48秒", 104.18),
        ("１０４°１０＇４８＂", 104.18),
        ("104°10.8′", 104.18),
        ("104度10.8分", 104.18),
        ("104°10′48.0″E", 104.18),
        ("东经104度10分48秒", 104.18),
        ("30°40'N", 30 + 40 / 60),
        ("30°40'S", -30 - 40 / 60),
        ("北纬30度40分", 30 + 40 / 60),
        ("104°", 104.0),
        ("35412345.1", 35412345.1),  # a bare number is judged with its partner
    ],
)
def test_an_angle_is_read_however_it_is_written(written: str, degrees: float) -> None:
    assert parse_angle(written) == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "无",
        "度",
        "E",
        "3栋",
        "104,30",
        "104.18,30.67",
        "104°60′",
        "104°10′60″",
        "104.5°10′",
        "104°10.5′30″",
        "181°",
        "E180.1",
        "91°N",
        "北纬104.18",
        "E104.18W",
        "-30°S",
        "+30°N",
        "1.0418E+02",
        "十°",
        "104°10°",
        "nan",
        "inf",
    ],
)
def test_what_is_no_angle_is_none(written: str) -> None:
    assert parse_angle(written) is None


@given(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59))
@QUICK
def test_minutes_and_seconds_are_sixtieths(degrees: int, minutes: int, seconds: int) -> None:
    whole = degrees * 3600 + minutes * 60 + seconds
    for marks in ("°′″", "度分秒", "°'\""):
        text = f"{degrees}{marks[0]}{minutes}{marks[1]}{seconds}{marks[2]}"
        assert parse_angle(text) == pytest.approx(whole / 3600, abs=1e-12)
        assert parse_angle(f"西经{text}") == pytest.approx(-whole / 3600, abs=1e-12)


@given(
    st.text("0123456789.-+°度′'分″\"秒NSEW东南西北经纬 ０１", max_size=16) | st.text(max_size=16)
)
@QUICK
def test_any_text_is_an_angle_or_none(written: str) -> None:
    angle = parse_angle(written)
    assert angle is None or np.isfinite(angle)


# -- pairs ------------------------------------------------------------------------------------


def judge_one(lon: float, lat: float, extent: Extent | None = COMMUNITY) -> tuple[str, tuple]:
    """The code of one row among good ones, and what is usable of it."""
    west, south, east, north = extent or COMMUNITY
    middle = (west + east) / 2, (south + north) / 2
    judged = judge_coordinates([lon, middle[0]], [lat, middle[1]], extent)
    assert judged.codes[1] == "ok"
    return str(judged.codes[0]), (judged.lon[0], judged.lat[0])


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (103.98123, 30.66123, "ok"),
        (NAN, NAN, "missing"),
        (103.98123, NAN, "half"),
        (NAN, 30.66123, "half"),
        (0.0, 0.0, "zero"),
        (103.98123, 0.0, "zero"),
        (0.0, 30.66123, "zero"),
        (30.66123, 103.98123, "swapped"),
        (104.0, 31.0, "rounded"),
        (104.0, 30.7, "rounded"),
        (30.7, 104.0, "rounded"),
        (35412345.1, 3401234.5, "metres"),
        (412345.1, 3401234.5, "metres"),
        (11575123.0, 3589456.0, "metres"),
        (103981230.0, 30661230.0, "metres"),
        (1039.8123, 30.66123, "impossible"),
        (103.98123, 306.6123, "impossible"),
        (float("inf"), 30.66123, "impossible"),
        (float("inf"), float("-inf"), "impossible"),
        (116.40412, 39.91512, "outside"),
        (39.91512, 116.40412, "impossible"),
        (-71.05871, 42.35941, "outside"),
    ],
)
def test_each_pair_is_judged(lon: float, lat: float, code: str) -> None:
    found, usable = judge_one(lon, lat)
    assert found == code
    if code == "ok":
        assert usable == (lon, lat)
    elif code == "swapped":
        assert usable == (lat, lon)
    else:
        assert np.isnan(usable).all()


def test_a_margin_of_five_kilometres_is_believed() -> None:
    # One degree of latitude is 111.32 km; of longitude, at 30.67 degrees north, 95.75 km.
    assert judge_one(103.98123, 30.67 + 4.9 / 111.32)[0] == "ok"
    assert judge_one(103.98123, 30.67 + 5.1 / 111.32)[0] == "outside"
    assert judge_one(103.99 + 4.9 / 95.75, 30.66123)[0] == "ok"
    assert judge_one(103.99 + 5.1 / 95.75, 30.66123)[0] == "outside"


def test_a_margin_can_be_chosen_and_is_said() -> None:
    judged = judge_coordinates([103.98, 104.18123], [30.66123, 30.66123], COMMUNITY, 20)
    assert judged.codes.tolist() == ["ok", "ok"]
    judged = judge_coordinates([103.98, 104.98123], [30.66123, 30.66123], COMMUNITY, 20)
    assert judged.codes.tolist() == ["ok", "outside"]
    assert "20 公里" in judged.sentence(1)


def test_another_datum_does_not_put_a_point_outside() -> None:
    # BD-09 lies some 0.0115 and 0.0033 degrees away from WGS-84 in Chengdu.
    assert judge_one(103.99 + 0.0115, 30.67 + 0.0033)[0] == "ok"


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (-71.05871, 42.35941, "ok"),
        (42.35941, -71.05871, "swapped"),
        (71.05871, 42.35941, "outside"),  # a lost sign is not made up
        (104.06571, 30.65941, "outside"),
        (30.65941, 104.06571, "impossible"),
    ],
)
def test_boston_is_judged_by_its_own_extent(lon: float, lat: float, code: str) -> None:
    assert judge_one(lon, lat, BOSTON)[0] == code


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (104.06571, 30.65941, "ok"),
        (30.65941, 104.06571, "swapped"),
        (43.82571, 87.61681, "swapped"),  # Urumqi: a latitude of 87 degrees is no city's
        (-71.05871, 42.35941, "ok"),
        (42.35941, -71.05871, "ok"),  # nothing certain can be said
        (2.35221, 48.85661, "ok"),
        (0.0, 51.47781, "zero"),
        (104.0, 31.0, "rounded"),
        (104.06571, NAN, "half"),
        (10.5, 104.06571, "swapped"),
        (170.06571, 120.06571, "impossible"),
    ],
)
def test_without_an_extent_only_what_is_certain_is_said(lon: float, lat: float, code: str) -> None:
    assert judge_one(lon, lat, None)[0] == code


def test_a_place_on_the_meridian_may_have_a_longitude_of_zero() -> None:
    greenwich: Extent = (-0.02, 51.46, 0.02, 51.49)
    judged = judge_coordinates([0.0, 0.0, 0.00512], [51.47781, 0.0, 0.0], greenwich)
    assert judged.codes.tolist() == ["ok", "zero", "zero"]


def test_a_sheet_with_its_columns_exchanged_is_exchanged_as_a_whole() -> None:
    lon, lat = [103.98123, 103.97123, 116.40412, 0.0, NAN], [30.66123, 30.65123, 39.91512, 0.0, NAN]
    judged = judge_coordinates(lat, lon, COMMUNITY)
    assert judged.is_all_swapped
    assert judged.codes.tolist() == ["swapped", "swapped", "outside", "zero", "missing"]
    np.testing.assert_array_equal(judged.lon, [103.98123, 103.97123, NAN, NAN, NAN])
    np.testing.assert_array_equal(judged.lat, [30.66123, 30.65123, NAN, NAN, NAN])
    assert judged.summary()[-2] == "整张表的经纬度写反了，已对调；请在原表里改过来（2 行）"


def test_a_few_exchanged_rows_are_exchanged_alone() -> None:
    judged = judge_coordinates([103.98123, 30.66123], [30.66123, 103.98123], COMMUNITY)
    assert not judged.is_all_swapped
    assert judged.codes.tolist() == ["ok", "swapped"]
    np.testing.assert_array_equal(judged.lon, [103.98123, 103.98123])
    assert judged.has_problem.tolist() == [False, True]


def test_every_problem_is_said_once_with_its_number_of_rows() -> None:
    judged = judge_coordinates(
        [103.98123, 0.0, 0.0, 104.0, NAN, 103.98123],
        [30.66123, 0.0, 0.0, 31.0, NAN, NAN],
        COMMUNITY,
    )
    assert judged.summary() == [
        "经纬度只填了一个，没有采用；请把经度和纬度都补上（1 行）",
        "经纬度填的是 0，那不在任何小区，没有采用；请重新取点，没有就留空（2 行）",
        "经纬度最多只有一位小数，误差有几公里，没有采用；请取到小数点后五位（1 行）",
    ]
    assert judged.has_problem.tolist() == [False, True, True, True, False, True]


def test_nothing_is_nothing() -> None:
    judged = judge_coordinates([], [], COMMUNITY)
    assert judged.codes.shape == judged.lon.shape == judged.lat.shape == (0,)
    assert judged.summary() == []


def test_the_input_stays_as_it_is() -> None:
    lon, lat = np.array([30.66123, 0.0]), np.array([103.98123, 0.0])
    judge_coordinates(lon, lat, COMMUNITY)
    assert lon.tolist() == [30.66123, 0.0]
    assert lat.tolist() == [103.98123, 0.0]


ANY = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-200, 200)
INSIDE = st.tuples(st.floats(103.970001, 103.989999), st.floats(30.650001, 30.669999))


@given(st.lists(st.tuples(ANY, ANY), max_size=8), st.sampled_from([None, COMMUNITY, BOSTON]))
@QUICK
def test_whatever_is_usable_can_be_a_place(
    pairs: list[tuple[float, float]], extent: Extent | None
) -> None:
    lon, lat = np.array(pairs, dtype=float).reshape(-1, 2).T
    judged = judge_coordinates(lon, lat, extent)
    usable = np.isin(judged.codes, ("ok", "swapped"))
    assert set(judged.codes) <= {value.code for value in CODES}
    assert (np.isfinite(judged.lon) == usable).all()
    assert (np.isfinite(judged.lat) == usable).all()
    assert (np.abs(judged.lon[usable]) <= 180).all()
    assert (np.abs(judged.lat[usable]) <= 90).all()
    assert all(judged.sentence(row) for row in range(len(lon)))
    kept = judged.codes == "ok"
    assert (judged.lon[kept] == lon[kept]).all()
    again = judge_coordinates(judged.lon, judged.lat, extent)
    np.testing.assert_array_equal(again.lon, judged.lon)


@given(st.lists(INSIDE, min_size=1, max_size=8))
@QUICK
def test_exchanging_twice_changes_nothing(pairs: list[tuple[float, float]]) -> None:
    lon, lat = np.array(pairs).T
    straight = judge_coordinates(lon, lat, COMMUNITY)
    turned = judge_coordinates(lat, lon, COMMUNITY)
    np.testing.assert_array_equal(turned.lon, straight.lon)
    np.testing.assert_array_equal(turned.lat, straight.lat)
    is_ok = straight.codes == "ok"
    assert (turned.codes[is_ok] == "swapped").all()
