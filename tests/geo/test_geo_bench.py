"""The bench of targeting runs, and what it prints is of the right kind."""

from __future__ import annotations

import numpy as np
import shapely

from tests.bench import placing, targeting


def test_the_same_seed_makes_the_same_communities():
    one, other = (list(targeting.make_communities(targeting.PLANTED[3], 3, 5)) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        assert first.counts.equals(second.counts)
        assert first.planted == second.planted
    assert targeting.HOUSEHOLDS.sum() == 15_262


def test_nature_has_the_stated_mean_and_spread():
    generator = np.random.default_rng(0)
    for law in ("gamma", "lognormal"):
        drawn = np.concatenate([targeting.draw_nature(law, generator) for _ in range(600)])
        assert abs(drawn.mean() - 1.0) < 0.02
        assert abs(drawn.std() - targeting.NATURE_CV) < 0.02


def test_every_alarm_can_be_measured():
    alarms = targeting.NAIVE | targeting.SLOW | targeting.CHOSEN
    table = targeting.measure_alarms(alarms, 1, 3)
    assert table.shape == (len(alarms), 8)
    assert table.isin([0.0, 100.0]).all(axis=None)


def test_the_other_tables_hold_percentages():
    ranking, coverage = targeting.measure_ranking(3, 1), targeting.measure_coverage(3, 1)
    effects, clusters = targeting.measure_effects(3, 1), targeting.measure_clusters(1, 1)
    for table in (ranking.stack(), coverage, effects.stack(), clusters):
        assert table.between(0.0, 100.0).all()
    verdicts = effects[["better", "worse", "no_change", "too_early"]].sum(axis=1)
    np.testing.assert_allclose(verdicts, 100.0)


def test_the_city_of_the_bench_has_streets_and_courtyards():
    city = placing.make_city(60)
    assert shapely.is_valid(city).all()
    assert (shapely.get_type_id(city) == shapely.GeometryType.POLYGON).all()
    one, other = shapely.STRtree(city).query(city, predicate="intersects")
    assert (one == other).all()
    assert shapely.get_num_interior_rings(city).sum() > 5
    points = placing.spread_points(city, 1_000)
    assert np.array_equal(points, placing.spread_points(city, 1_000))
    inside = shapely.STRtree(city).query(shapely.points(points), predicate="intersects")[0]
    assert 400 < len(inside) < 900
    walls = placing.find_wall_points(city, 50)
    assert (shapely.distance(shapely.union_all(city).boundary, shapely.points(walls)) < 1e-12).all()
