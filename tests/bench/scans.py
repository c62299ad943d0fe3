"""How long the scans take for many areas, beside the same statistic written plainly.

    python -m tests.bench.scans [--simulations N]

Prints, for 281 and for 2,000 areas, the seconds of a scan with its replications, and how many
times faster it is than a plain loop over centres and replications with numpy (of which only a
few replications are run), measured in the same run. Both must find the same cluster.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from scipy.special import xlogy

from geo.emerging import scan_emerging
from geo.hotspots import scan_clusters

SEED = 20120901
PLAIN_SIMULATIONS = 5
MONTHS = 4


def make_areas(count: int) -> tuple[np.ndarray, pd.Series, pd.Series]:
    """Places in metres, cases and households of so many areas, one corner at twice the rate."""
    generator = np.random.default_rng(SEED)
    places = generator.uniform(0.0, 10_000.0, (count, 2))
    households = generator.integers(200, 2_000, count).astype(float)
    near = np.argsort(np.hypot(*(places - places[0]).T))[: max(4, count // 50)]
    rate = np.full(count, 0.06)
    rate[near] *= 2.0
    return places, pd.Series(generator.poisson(households * rate)), pd.Series(households)


def scan_plainly(
    places: np.ndarray, cases: pd.Series, households: pd.Series, simulations: int
) -> float:
    """The largest ratio, after the same for each replication; a centre at a time."""
    total = int(cases.sum())
    expected = households.to_numpy() * (total / households.sum())
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(total, expected / total, size=simulations)
    orders = [np.argsort(np.hypot(*(places - place).T), kind="stable") for place in places]
    found = _find_highest(cases.to_numpy(), expected, orders, total)
    for replication in drawn:
        _find_highest(replication, expected, orders, total)
    return found


def _find_highest(
    cases: np.ndarray, expected: np.ndarray, orders: list[np.ndarray], total: int
) -> float:
    best = 0.0
    for order in orders:
        inside = np.cumsum(cases[order])
        should = np.cumsum(expected[order])
        kept = should <= total / 2
        c, e = inside[kept].astype(float), should[kept]
        ratio = xlogy(c, c / e) + xlogy(total - c, (total - c) / (total - e))
        best = max(best, float(np.where(c > e, ratio, 0.0).max(initial=0.0)))
    return best


def compare(count: int, simulations: int) -> None:
    """Print what one size costs."""
    places, cases, households = make_areas(count)
    began = time.perf_counter()
    found = scan_clusters(places, cases, households, simulations=simulations, seed=SEED)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    highest = scan_plainly(places, cases, households, PLAIN_SIMULATIONS)
    plain = (time.perf_counter() - began) * (simulations + 1) / (PLAIN_SIMULATIONS + 1)
    assert np.isclose(found["llr"].iloc[0], highest), (found["llr"].iloc[0], highest)
    print(
        f"{count:,} areas x {simulations} simulations, in space: {seconds:.2f} s, "
        f"{plain / seconds:.1f} x faster than a plain loop ({plain:.1f} s)"
    )
    months = pd.DataFrame(
        np.random.default_rng(SEED).multinomial(cases, np.full(MONTHS, 1 / MONTHS)),
        columns=range(MONTHS),
    )
    for words, is_prospective in (("prospective", True), ("any time", False)):
        began = time.perf_counter()
        scan_emerging(
            places, months, is_prospective=is_prospective, max_periods=2, max_share=0.1,
            simulations=simulations, seed=SEED,
        )  # fmt: skip
        print(f"  in space and time, {words}: {time.perf_counter() - began:.2f} s")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=999)
    options = parser.parse_args()
    for count in (281, 2_000):
        compare(count, options.simulations)


if __name__ == "__main__":
    main()
