"""Datums convert as published and back exactly; metres are never guessed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from geo.crs import (
    Datum,
    choose_datum,
    convert,
    convert_geometry,
    judge_datum,
    make_points,
    require_metric,
    to_metric,
)
from geo.errors import DegreesError, GeoError, MissingCrsError, ShequError

SHARED = Path(__file__).parents[2].parent / "shared/data"
COORDINATES = SHARED / "coordinates"
CHENGDU = SHARED / "chengdu_compounds"
W, G, B = Datum.WGS84, Datum.GCJ02, Datum.BD09
BY_NAME = {"WGS84": W, "GCJ02": G, "BD09": B}
MILLIMETRE = 1e-8  # degrees; 1.1 mm on the ground

# (lon, lat) pairs from the tests of hutool 6 (CoordinateUtilTest) and eviltransform (Go).
FROZEN = [
    (W, G, (116.404, 39.915), (116.41024449916938, 39.91640428150164), 1e-12),
    (W, B, (116.404, 39.915), (116.41662724378733, 39.922699552216216), 1e-12),
    (W, B, (122.99395597, 44.99804071), (123.00636516028885, 45.0063690918959), 1e-12),
    (G, B, (116.404, 39.915), (116.41036949371029, 39.92133699351022), 1e-12),
    (W, G, (121.5272106, 31.1774276), (121.531541859215, 31.17530398364597), 1e-12),
    (W, G, (113.912316, 22.543847), (113.9171764808363, 22.540796131694766), 1e-12),
    # Their one-step inverses lie this close to the exact ones.
    (G, W, (116.404, 39.915), (116.39775550083061, 39.91359571849836), 1e-6),
    (B, G, (116.404, 39.915), (116.39762729119315, 39.90865673957631), 1e-6),
    (B, W, (116.404, 39.915), (116.3913836995125, 39.907253214522164), 5e-6),
]


@pytest.mark.parametrize(("source", "target", "given_", "wanted", "within"), FROZEN)
def test_convert_matches_frozen_vectors(source, target, given_, wanted, within):
    got = np.array(convert(*given_, source, target))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=within)


@pytest.mark.skipif(not COORDINATES.exists(), reason="../shared/data/coordinates is absent")
def test_convert_matches_every_vector_of_hutool_and_eviltransform():
    path = COORDINATES / "hutool_eviltransform_vectors.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 10
    for row in rows:
        source, target = BY_NAME[row["from"]], BY_NAME[row["to"]]
        got = convert(float(row["lon_in"]), float(row["lat_in"]), source, target)
        wanted = float(row["lon_out"]), float(row["lat_out"])
        # Forward formulas agree to the digit; the inverses there are one-step.
        is_forward = (source, target) in [(W, G), (G, B), (W, B)]
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 if is_forward else 5e-6)


@pytest.mark.skipif(not COORDINATES.exists(), reason="../shared/data/coordinates is absent")
@pytest.mark.parametrize("source", list(BY_NAME))
@pytest.mark.parametrize("target", list(BY_NAME))
def test_convert_matches_every_city(source, target):
    text = (COORDINATES / "china-cities.json").read_text(encoding="utf-8")
    cities = [city["coords"] for city in json.loads(text)]
    assert len(cities) == 664
    lon, lat = np.array([city[source] for city in cities]).T
    got = np.column_stack(convert(lon, lat, BY_NAME[source], BY_NAME[target]))
    # The file rounds to 7 decimals, and its WGS-84 is good to about a metre.
    within = 1e-5 if "WGS84" in (source, target) else 2e-7
    np.testing.assert_allclose(got, [city[target] for city in cities], rtol=0, atol=within)


inland = st.floats(73.0, 135.0), st.floats(3.0, 53.0)


@settings(deadline=None, derandomize=True)
@given(*inland, st.sampled_from(Datum), st.sampled_from(Datum))
def test_round_trip_is_exact(lon, lat, source, target):
    there = convert(lon, lat, source, target)
    back = convert(*there, target, source)
    np.testing.assert_allclose(np.array(back), [lon, lat], rtol=0, atol=MILLIMETRE / 10)


@settings(deadline=None, derandomize=True)
@given(*inland)
def test_gcj02_is_shifted_by_less_than_a_kilometre(lon, lat):
    shifted = convert(lon, lat, W, G)
    assert 0 < np.hypot(shifted[0] - lon, shifted[1] - lat) < 0.015


def test_round_trip_holds_beside_the_singular_meridian():
    # The formula has sqrt|lon - 105|, steep near 105 °E, which crosses Sichuan.
    lon = 105 + np.array([0, 1e-12, -1e-9, 1e-6, -1e-3])
    lat = np.full(5, 30.6)
    back = convert(*convert(lon, lat, W, G), G, W)
    np.testing.assert_allclose(back[0], lon, rtol=0, atol=MILLIMETRE)


def test_gcj02_equals_wgs84_outside_china():
    paris = np.array([2.35]), np.array([48.85])
    assert convert(*paris, W, G) == paris
    assert convert(*paris, G, W) == paris


def test_nan_stays_where_it_was_and_input_is_untouched():
    lon, lat = np.array([104.0, np.nan, 104.0]), np.array([30.0, 30.0, np.nan])
    got_lon, got_lat = convert(lon, lat, W, G)
    np.testing.assert_array_equal(np.isnan(got_lon), [False, True, True])
    np.testing.assert_array_equal(np.isnan(got_lat), [False, True, True])
    assert lon[0] == 104.0


def test_convert_reads_nullable_columns_without_changing_them():
    lon = pd.Series([104, None], dtype="Int64")
    lat = pd.Series([30.0, 30.0])
    got, _ = convert(lon, lat, W, G)
    assert np.isnan(got).tolist() == [False, True]
    assert lat.tolist() == [30.0, 30.0]


def test_convert_of_nothing_is_nothing():
    lon, lat = convert([], [], B, W)
    assert lon.shape == lat.shape == (0,)


@pytest.mark.parametrize(
    ("lon", "lat"), [(30.6, 104.0), (np.inf, 30.0), ([1.0, 2.0], [1.0]), ("东", 30.0)]
)
def test_convert_refuses_what_is_not_degrees(lon, lat):
    with pytest.raises(GeoError):
        convert(lon, lat, W, G)


def test_convert_geometry_moves_every_vertex_and_says_its_crs():
    square = gpd.GeoSeries([box(104.0, 30.6, 104.1, 30.7), None], index=["甲", "乙"])
    gcj = convert_geometry(square, W, G)
    assert gcj.crs is None
    back = convert_geometry(gcj.to_frame("geometry"), G, W)
    assert back.crs == "EPSG:4326"
    assert list(back.index) == ["甲", "乙"]
    assert back.geometry.iloc[1] is None
    np.testing.assert_allclose(back.geometry.iloc[0].bounds, (104.0, 30.6, 104.1, 30.7), atol=1e-9)


def test_convert_geometry_does_not_believe_the_stated_crs():
    labelled = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(104.0, 30.6)], crs="EPSG:4326")
    assert convert_geometry(labelled, W, B).crs is None
    assert labelled.crs == "EPSG:4326"


@pytest.mark.parametrize(
    ("lon", "lat"),
    [(103.9, 30.6), (104.1, 30.6), (-71.1, 42.3), (-43.2, -22.9), (4.0, 60.0), (2.0, 60.0),
     (10.0, 75.0), (8.0, 75.0)],
)  # fmt: skip
def test_a_zone_known_already_is_the_one_that_proj_finds(lon, lat):
    for moved in (0.0, 0.3):
        layer = gpd.GeoSeries([Point(lon + moved, lat)], crs=4326)
        assert to_metric(layer).crs == layer.estimate_utm_crs()


def test_to_metric_finds_the_zone_and_keeps_the_index():
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(104.0, 30.6)], crs="EPSG:4326", index=[7])
    metric = to_metric(frame)
    assert metric.crs.to_epsg() == 32648
    assert list(metric.index) == [7]
    require_metric(metric)


def test_a_point_of_which_half_is_unknown_is_no_point():
    frame = pd.DataFrame(
        {"lon": [104.0, np.nan, 104.0], "lat": [30.6, 30.6, np.nan]}, index=[7, 8, 9]
    )
    made = make_points(frame)
    assert made.isna().to_dict() == {7: False, 8: True, 9: True}
    assert (made[7], made.crs.to_epsg()) == (Point(104.0, 30.6), 4326)
    assert to_metric(made).crs.to_epsg() == 32648
    with pytest.raises(GeoError, match="没有任何图形"):
        to_metric(made.iloc[1:])


def test_metres_are_never_guessed():
    bare = gpd.GeoSeries([Point(104.0, 30.6)])
    with pytest.raises(MissingCrsError):
        to_metric(bare)
    with pytest.raises(MissingCrsError):
        require_metric(bare)
    with pytest.raises(DegreesError, match="度"):
        require_metric(bare.set_crs(4326))
    with pytest.raises(GeoError, match="米"):
        require_metric(bare.set_crs(2249))  # Massachusetts, US survey feet
    with pytest.raises(GeoError, match="没有任何图形"):
        to_metric(gpd.GeoSeries([None], crs=4326))
    assert issubclass(GeoError, ShequError)


def test_judge_datum_on_points_drawn_by_hand():
    # Eight rows just inside the east edge of their district, given in BD-09: read as
    # WGS-84 or GCJ-02 they land some hundred metres east of it.
    areas = gpd.GeoSeries([box(104.0, 30.6, 104.1, 30.7)], index=["武侯"], crs=4326)
    lon, lat = convert(np.full(8, 104.0995), np.linspace(30.61, 30.69, 8), W, B)
    rows = list("abcdefgh")
    lon, lat = pd.Series(lon, index=rows), pd.Series(lat, index=rows)
    lat["h"] = np.nan
    stated = pd.Series(["武侯"] * 6 + ["别处", "武侯"], index=rows)
    judged = judge_datum(lon, lat, areas, stated)
    assert judged.index[0] == B
    assert judged.index.name == "datum"
    assert judged["point_count"].tolist() == [6, 6, 6]
    assert judged["inside_count"].to_dict() == {B: 6, W: 0, G: 0}
    assert judged["inside_pct"].to_dict() == {B: 100.0, W: 0.0, G: 0.0}


def test_judge_datum_with_nothing_to_judge_says_so():
    areas = gpd.GeoSeries([box(104.0, 30.6, 104.1, 30.7)], index=["武侯"], crs=4326)
    one = pd.Series([np.nan])
    judged = judge_datum(one, one, areas, pd.Series(["武侯"]))
    assert judged["point_count"].tolist() == [0, 0, 0]
    assert judged["inside_pct"].isna().all()
    with pytest.raises(GeoError, match="不一致"):
        judge_datum(one, one, areas, pd.Series(["武侯"], index=[3]))


@pytest.mark.skipif(not CHENGDU.exists(), reason="../shared/data/chengdu_compounds is absent")
def test_judge_datum_finds_bd09_in_the_listing_of_chengdu():
    text = (CHENGDU / "souloula_chengdu.json").read_text(encoding="utf-8")
    rows = [row for row in json.loads(text).values() if row.get("经纬度")]
    lon_lat = pd.DataFrame([row["经纬度"].split(",") for row in rows]).apply(
        pd.to_numeric, errors="coerce"
    )
    districts = gpd.read_file(CHENGDU / "districts_gcj02.geojson").set_index("name")
    full = {name[:-1]: name for name in districts.index} | {n: n for n in districts.index}
    stated = pd.Series([row.get("地址", "").strip().split("-")[0] for row in rows]).map(full)
    judged = judge_datum(lon_lat[0], lon_lat[1], convert_geometry(districts, G, W), stated)
    assert judged.index[0] == B
    # 2,823 rows state one of the 20 districts; the same shares come from a plain
    # GeoPandas join after the closed formulas of coordtransform.
    assert judged["point_count"].tolist() == [2823] * 3
    assert judged.loc[B, "inside_pct"] == pytest.approx(99.57, abs=0.05)
    assert judged.loc[W, "inside_pct"] == pytest.approx(84.31, abs=0.05)
    datum, is_certain, sentence = choose_datum(judged)
    assert (datum, is_certain) == (B, True)
    assert "按 BD-09 99.6% 落在所填区内" in sentence
    assert "按 WGS-84 84.3% 落在所填区内" in sentence
    assert "2823 个点" in sentence


def test_judge_datum_counts_points_that_tell_datums_apart_once():
    # Two points near the east edge, each of them three times, and one well inside.
    areas = gpd.GeoSeries([box(104.0, 30.6, 104.1, 30.7)], index=["武侯"], crs=4326)
    edge = convert(np.repeat([104.0995], 6), np.repeat([30.61, 30.69], 3), W, B)
    lon, lat = pd.Series([*edge[0], 104.05]), pd.Series([*edge[1], 30.65])
    judged = judge_datum(lon, lat, areas, pd.Series(["武侯"] * 7))
    assert judged["inside_count"].to_dict() == {B: 7, W: 1, G: 1}
    assert judged["lost_count"].to_dict() == {B: 0, W: 2, G: 2}
    assert judged["gained_count"].to_dict() == {B: 0, W: 0, G: 0}


def judged_as(counts: dict[Datum, tuple[int, int, int]], points: int) -> pd.DataFrame:
    """What `judge_datum` says: points inside, lost and gained, by datum, best first."""
    frame = pd.DataFrame.from_dict(
        counts, orient="index", columns=["inside_count", "lost_count", "gained_count"]
    ).rename_axis("datum")
    frame["point_count"] = points
    frame["inside_pct"] = 100 * frame["inside_count"] / points if points else np.nan
    return frame


@pytest.mark.parametrize(
    ("lost", "gained", "is_certain"),
    [
        # The one-sided sign test: 2 ** -9 is more than 0.001, 2 ** -10 is less.
        (9, 0, False),
        (10, 0, True),
        # 20 of 24 are at least as many with a chance of 0.00077, 19 of 24 with 0.0033.
        (20, 4, True),
        (19, 5, False),
        (0, 0, False),
        (500, 480, False),
    ],
)
def test_a_datum_is_claimed_only_where_chance_does_not_explain_it(lost, gained, is_certain):
    rival = 600 - lost + gained
    judged = judged_as({B: (600, 0, 0), G: (rival, lost, gained), W: (0, 600, 0)}, 1000)
    datum, certain, sentence = choose_datum(judged)
    # Of the two that cannot be told apart the better one is taken, for WGS-84 is ruled out.
    assert (datum, certain) == (B, is_certain)
    assert ("分不清楚" in sentence) != is_certain


def test_no_point_is_moved_without_reason():
    datum, is_certain, sentence = choose_datum(
        judged_as({B: (19, 0, 0), W: (17, 2, 0), G: (17, 2, 0)}, 19)
    )
    assert (datum, is_certain) == (W, False)
    assert "按 BD-09 100.0% 落在所填区内，按 WGS-84 89.5% 落在所填区内" in sentence
    assert "19 个点" in sentence


def test_a_best_datum_that_fits_badly_is_not_claimed():
    datum, is_certain, sentence = choose_datum(
        judged_as({G: (400, 0, 0), B: (100, 300, 0), W: (50, 350, 0)}, 1000)
    )
    assert (datum, is_certain) == (W, False)
    assert "对不上" in sentence


def test_nothing_to_judge_by_is_said():
    areas = gpd.GeoSeries([box(104.0, 30.6, 104.1, 30.7)], index=["武侯"], crs=4326)
    one = pd.Series([np.nan])
    datum, is_certain, sentence = choose_datum(judge_datum(one, one, areas, pd.Series(["武侯"])))
    assert (datum, is_certain) == (W, False)
    assert "没有可对照的边界" in sentence
    assert "nan" not in sentence


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.sampled_from(Datum), st.integers(0, 2**31))
def test_the_datum_in_which_points_were_written_is_never_refuted(datum, seed):
    # Points at random in a city of four by four squares, each row saying in which.
    random = np.random.default_rng(seed)
    squares = {
        f"{i}{j}": box(104 + i / 50, 30.6 + j / 50, 104.02 + i / 50, 30.62 + j / 50)
        for i in range(4)
        for j in range(4)
    }
    x, y = random.uniform(0, 4, (2, 300))
    lon, lat = convert(104 + x / 50, 30.6 + y / 50, W, datum)
    stated = pd.Series([f"{int(i)}{int(j)}" for i, j in zip(x, y, strict=True)])
    judged = judge_datum(pd.Series(lon), pd.Series(lat), gpd.GeoSeries(squares, crs=4326), stated)
    chosen, is_certain, _ = choose_datum(judged)
    assert (chosen, is_certain) == (datum, True)
