"""How long points take to be placed in polygons and counted, beside the engines people use.

    python -m tests.bench.placing [--points N] [--polygons N ...] [--rounds N]

A made-up city, always the same: polygons that tile it irregularly, with wavy walls, courtyards and
streets between them, and points all over it. Each engine starts from the same two Parquet files,
in a process of its own, and returns how many points lie in each polygon; the counts must be the
same from all. Prints ratios measured side by side in one run, and the most memory each process
held. Points on walls are then asked of each engine apart, for not all are exact there.

`shequ` is what a refresh does: `etl.placing`. sedonadb comes with the extra `bench`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

BLOCK = 0.003  # degrees, some 300 m
WEST, SOUTH = 103.9, 30.5
WALL_STEPS = 5
SEED = 20120901
ROW_GROUP = 122_880
COUNT = "SELECT area, count(*) FROM {} WHERE area IS NOT NULL GROUP BY area"

Counts = dict[int, int]
Count = Callable[[], Counts]
Coordinates = np.ndarray


def make_city(number: int, seed: int = SEED) -> np.ndarray:
    """So many polygons in WGS-84, none touching another; every fifth has a courtyard."""
    generator = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(number)))
    corners = np.stack(np.meshgrid(*[np.arange(side + 1.0)] * 2, indexing="ij"), axis=-1)
    corners += generator.uniform(-0.22, 0.22, corners.shape)
    across = _draw_walls(corners[:-1], corners[1:], generator)
    along = _draw_walls(corners[:, :-1], corners[:, 1:], generator)
    rings = [
        np.concatenate([across[i, j], along[i + 1, j], across[i, j + 1][::-1], along[i, j][::-1]])
        for i in range(side)
        for j in range(side)
    ]
    blocks = shapely.polygons([shapely.linearrings(ring) for ring in rings[:number]])
    streets = generator.uniform(0.02, 0.05, number)
    shapes = shapely.buffer(blocks, -streets, join_style="mitre")
    yards = shapely.buffer(
        shapely.centroid(shapes), generator.uniform(0.05, 0.12, number), quad_segs=3
    )
    has_yard = (np.arange(number) % 5 == 0) & shapely.contains_properly(shapes, yards)
    shapes[has_yard] = shapely.difference(shapes[has_yard], yards[has_yard])
    city: np.ndarray = shapely.transform(shapes, lambda xy: xy * BLOCK + (WEST, SOUTH))
    return city


def _draw_walls(start: np.ndarray, end: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Wavy lines between corners, the corners included."""
    part = np.linspace(0.0, 1.0, WALL_STEPS + 1)[:, None]
    walls: np.ndarray = start[..., None, :] + (end - start)[..., None, :] * part
    walls[..., 1:-1, :] += generator.normal(0.0, 0.015, walls[..., 1:-1, :].shape)
    return walls


def spread_points(city: np.ndarray, number: int, seed: int = SEED) -> Coordinates:
    """Points all over the city, and two thirds of them more often in some parts than in others."""
    generator = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(city)
    points = generator.uniform((west, south), (east, north), (number, 2))
    busy = shapely.get_coordinates(shapely.centroid(generator.choice(city, 300)))
    crowd = slice(number // 3, None)
    size = points[crowd].shape
    points[crowd] = busy[generator.integers(0, 300, size[0])] + generator.normal(0, 0.01, size)
    generator.shuffle(points)
    return points


def find_wall_points(city: np.ndarray, number: int, seed: int = SEED) -> Coordinates:
    """Vertices, and middles of edges rounded to the next number there is."""
    generator = np.random.default_rng(seed)
    vertices, polygon = shapely.get_coordinates(city, return_index=True)
    at = generator.integers(0, len(vertices) - 1, number)
    at = at[polygon[at] == polygon[at + 1]]
    middles = (vertices[at] + vertices[at + 1]) / 2.0
    return np.vstack([vertices[at], middles])


def write_files(folder: Path, city: np.ndarray, points: Coordinates) -> None:
    """The two files that every engine reads."""
    table = pa.table({"lon": points[:, 0], "lat": points[:, 1]})
    pq.write_table(table, folder / "points.parquet", row_group_size=ROW_GROUP)
    wkb = pa.array(list(shapely.to_wkb(city)), pa.binary())
    area = pa.array(range(len(city)), pa.int32())
    pq.write_table(pa.table({"area": area, "wkb": wkb}), folder / "areas.parquet")


# The engines: opened on a folder with both files in, which is not timed, they count when called.


def open_shequ(folder: Path) -> Count:
    """As a refresh does it, from the store's own folder."""
    from etl.placing import place_in_areas
    from etl.store import Store

    store = Store(folder / "store")
    points, areas = (folder / "store" / f"{name}.parquet" for name in ("points", "areas"))
    points.hardlink_to(folder / "points.parquet")
    areas.hardlink_to(folder / "areas.parquet")

    def count() -> Counts:
        with store.write("bench") as writer:
            writer.execute(
                "CREATE TEMP TABLE areas AS SELECT area, ST_GeomFromWKB(wkb) AS geometry "
                f"FROM read_parquet('{areas}')"
            )
            writer.execute(
                "CREATE TEMP VIEW points AS SELECT file_row_number AS point_id, lon, lat "
                f"FROM read_parquet('{points}', file_row_number = true)"
            )
            number = writer.rows("SELECT count(*) FROM points")[0][0]
            place_in_areas(writer, number)
            return dict(writer.rows(COUNT.format("placed_points")))

    return count


def open_duckdb(folder: Path) -> Count:
    """A bare spatial join."""
    import duckdb

    from etl.store import find_extension

    connection = duckdb.connect()
    connection.execute(f"LOAD '{find_extension('spatial')}'")
    joined = (
        "(SELECT area FROM "
        f"(SELECT ST_Point(lon, lat) AS point FROM '{folder / 'points.parquet'}') JOIN "
        f"(SELECT area, ST_GeomFromWKB(wkb) AS geometry FROM '{folder / 'areas.parquet'}') "
        "ON ST_Intersects(geometry, point))"
    )
    return lambda: dict(connection.execute(COUNT.format(joined)).fetchall())


def open_sedonadb(folder: Path) -> Count:
    """The same join."""
    import sedonadb

    context = sedonadb.connect()

    def count() -> Counts:
        for name in ("points", "areas"):
            context.read_parquet(str(folder / f"{name}.parquet")).to_view(name)
        joined = context.sql(
            "SELECT a.area, count(*) AS n FROM (SELECT ST_Point(lon, lat) AS point FROM points) p "
            "JOIN (SELECT area, ST_GeomFromWKB(wkb) AS geometry FROM areas) a "
            "ON ST_Intersects(a.geometry, p.point) GROUP BY a.area"
        )
        found = pa.table(joined).to_pydict()
        return dict(zip(found["area"], found["n"], strict=True))

    return count


def open_geopandas(folder: Path) -> Count:
    """A join of two frames."""
    import geopandas as gpd
    import pandas as pd

    def count() -> Counts:
        points = pd.read_parquet(folder / "points.parquet")
        areas = pd.read_parquet(folder / "areas.parquet")
        laid = gpd.GeoDataFrame(geometry=gpd.points_from_xy(points["lon"], points["lat"]))
        shapes = gpd.GeoDataFrame(areas[["area"]], geometry=gpd.GeoSeries.from_wkb(areas["wkb"]))
        found = gpd.sjoin(laid, shapes, predicate="intersects").groupby("area").size()
        counts: Counts = found.to_dict()
        return counts

    return count


ENGINES: dict[str, Callable[[Path], Count]] = {
    "shequ": open_shequ,
    "sedonadb": open_sedonadb,
    "duckdb": open_duckdb,
    "geopandas": open_geopandas,
}


@dataclass(frozen=True)
class Run:
    """One engine's run: wall and processor seconds, bytes at most, and the counts."""

    seconds: float
    processor: float
    memory: int
    counts: Counts


def run_engine(name: str, folder: Path) -> Run:
    """Run an engine in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-") as own:
        for file in ("points.parquet", "areas.parquet"):
            (Path(own) / file).hardlink_to(folder / file)
        command = [sys.executable, "-m", "tests.bench.placing", "--engine", name, "--folder", own]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peaks = [0]
        watcher = threading.Thread(target=_watch_memory, args=(process.pid, peaks))
        watcher.start()
        told, _ = process.communicate()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{name} failed")
    said: dict[str, Any] = json.loads(told.splitlines()[-1])
    counts = {int(area): int(count) for area, count in said["counts"].items() if count}
    return Run(said["seconds"], said["processor"], peaks[0], counts)


def _watch_memory(pid: int, peaks: list[int]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            peaks[0] = max(peaks[0], process.memory_info().rss)
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        return


def tell_counts(name: str, folder: Path) -> None:
    """Run an engine in this process and print what came of it."""
    count = ENGINES[name](folder)
    started, worked = time.perf_counter(), time.process_time()
    counts = count()
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    told = {"seconds": seconds, "processor": processor, "counts": counts}
    print(json.dumps(told))


def compare(folder: Path, engines: list[str], polygons: int, points: int, rounds: int) -> None:
    """Print what each engine takes in proportion to sedonadb, or else to the fastest other."""
    city = make_city(polygons)
    write_files(folder, city, spread_points(city, points))
    runs: dict[str, list[Run]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name in engines:
            runs[name].append(run_engine(name, folder))
    counts = runs["shequ"][0].counts
    for name in engines:
        if any(run.counts != counts for run in runs[name]):
            raise AssertionError(f"{name} counts otherwise")
    yardstick = "sedonadb" if "sedonadb" in engines else "duckdb"
    print(
        f"{points:,} points x {polygons:,} polygons, {sum(counts.values()):,} of them inside, "
        f"the same counts from every engine; against {yardstick}, median of {rounds}:"
    )
    for name in engines:
        told = " ".join(f"{run.seconds:.1f}" for run in runs[name])
        pairs = list(zip(runs[name], runs[yardstick], strict=True))
        wall = statistics.median(own.seconds / other.seconds for own, other in pairs)
        work = statistics.median(own.processor / other.processor for own, other in pairs)
        memory = max(run.memory for run in runs[name]) / 1e9
        print(
            f"  {name:10s} {wall:5.2f} x the time, {work:5.2f} x the processor time, "
            f"{memory:.2f} GB at most ({told} s)"
        )


def compare_on_walls(folder: Path, engines: list[str], polygons: int) -> None:
    """Print how many polygons each engine counts otherwise than GEOS where points lie on walls."""
    city = make_city(polygons)
    points = np.tile(find_wall_points(city, 5_000), (60, 1))  # so many that cells are used
    write_files(folder, city, points)
    laid = shapely.STRtree(shapely.points(points[: len(points) // 60]))
    inside = laid.query(city, predicate="intersects")[0]
    true = {int(area): int(n) * 60 for area, n in zip(*np.unique(inside, return_counts=True), strict=True)}  # fmt: skip
    print(f"{len(points):,} points on vertices and middles of edges, against GEOS point by point:")
    for name in engines:
        counts = run_engine(name, folder).counts
        wrong = sum(abs(counts.get(a, 0) - true.get(a, 0)) for a in {*counts, *true})
        print(f"  {name:10s} {wrong // 60 or 'no'} of {len(points) // 60:,} otherwise")
        assert name != "shequ" or not wrong


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--polygons", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--engine", choices=list(ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.engine:
        tell_counts(wanted.engine, wanted.folder)
        return
    engines = ["shequ", "duckdb", *wanted.engines]
    engines = [name for name in ENGINES if name in engines]
    if "sedonadb" in engines and importlib.util.find_spec("sedonadb") is None:
        print('sedonadb is not installed and left out: python -m pip install ".[bench]"')
        engines.remove("sedonadb")
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as name:
        for polygons in wanted.polygons:
            compare(Path(name), engines, polygons, wanted.points, wanted.rounds)
        compare_on_walls(Path(name), engines, min(wanted.polygons))


if __name__ == "__main__":
    main()
