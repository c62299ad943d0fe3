"""Outlines for the page: every compound once, points for those without boundary, small."""

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from dashboard.map.shapes import write_shapes
from etl.store import Store

EMPTY = gpd.GeoDataFrame(
    {"level": [], "place_id": [], "name": [], "compound_id": []}, geometry=[], crs="EPSG:4326"
)


def make_compounds(*rows: tuple[str, float | None, float | None]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["compound_id", "lon", "lat"])
    return table.assign(name=table["compound_id"])


def test_the_sample_has_its_16_compounds_with_their_streets_and_buildings(
    sample_store: Path,
) -> None:
    store = Store(sample_store, read_only=True)
    written = write_shapes(store.shapes(), store.frame("out_compounds"))
    store.close()
    levels = written["levels"]
    assert len(levels["compound"]) == 16
    assert {shape["geometry"]["type"] for shape in levels["compound"]} <= {
        "Polygon", "MultiPolygon",
    }  # fmt: skip
    assert len(levels["building"]) > 400
    assert levels["road"]
    assert levels["water"]
    (south, west), (north, east) = written["bounds"]
    for shape in levels["compound"]:
        lon, lat = shape["label"]
        assert west < lon < east
        assert south < lat < north
        assert shapely.geometry.shape(shape["geometry"]).contains(shapely.Point(lon, lat))
    assert len(json.dumps(written)) < 300_000


def test_a_compound_without_boundary_is_a_point_and_one_without_either_is_left_out() -> None:
    compounds = make_compounds(("甲", 104.0, 30.6), ("乙", None, None))
    written = write_shapes(EMPTY, compounds)
    (only,) = written["levels"]["compound"]
    assert only["id"] == "甲"
    assert only["geometry"] == {"type": "Point", "coordinates": (104.0, 30.6)}


def test_without_any_place_there_are_no_bounds() -> None:
    assert write_shapes(EMPTY, make_compounds(("乙", None, None))) == {"levels": {}, "bounds": None}


def test_a_few_far_points_do_not_stretch_the_first_sight_of_many() -> None:
    rows = [(str(n), 104.0 + n / 1e5, 30.6 + n / 1e5) for n in range(1000)]
    written = write_shapes(EMPTY, make_compounds(*rows, ("远", 10.0, 50.0)))
    (south, west), (north, east) = written["bounds"]
    assert 103.9 < west < east < 104.1
    assert 30.5 < south < north < 30.7


def test_an_invalid_outline_is_drawn_and_labelled_all_the_same() -> None:
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    shapes = gpd.GeoDataFrame(
        {"level": ["compound"], "place_id": ["甲"], "name": ["甲"], "compound_id": ["甲"]},
        geometry=[bow],
        crs="EPSG:4326",
    )
    written = write_shapes(shapes, make_compounds(("甲", 0.2, 0.5)))
    (only,) = written["levels"]["compound"]
    assert len(only["label"]) == 2
