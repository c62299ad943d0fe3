"""How far the statistics can be trusted: thousands of made-up communities with known truth.

Run as ``python -m tests.bench.targeting [--communities N] [--seed S]`` from the root of the
project. Every community has 16 compounds with the households below, which add up to those
of T 社区; compounds either share one rate (Poisson) or differ by nature for ever, with a
coefficient of variation of 0.4 (gamma or log-normal).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from geo.alarms import judge_compounds, judge_outliers, judge_rise
from geo.effect import measure_effect
from geo.emerging import scan_emerging
from geo.hotspots import judge_funnel, judge_own_past, scan_clusters
from geo.neighbours import find_local_hotspots, find_nearest
from geo.rates import compare_counts, estimate_rates, measure_chance_first, shrink_rates

SIZES = [2200, 1900, 1650, 1500, 1400, 1250, 1100, 900, 850, 700, 560, 420, 300, 240, 170, 122]
HOUSEHOLDS = pd.Series(np.array(SIZES, dtype=float))
YEARLY_PER_1000 = 60.0
MONTHS = 24
WINDOW = 12
RECENT = 3
NATURE_CV = 0.4
ALPHA = 0.05
SEASON = 1.0 + 0.3 * np.sin(np.arange(MONTHS) * 2 * np.pi / 12)

Alarm = Callable[["Community"], np.ndarray]


@dataclass(frozen=True)
class Community:
    """One made-up community: monthly counts (16, 24), true factors, and the one planted."""

    counts: pd.DataFrame
    nature: np.ndarray
    planted: int | None
    places: np.ndarray

    @property
    def year(self) -> pd.Series:
        return self.counts.iloc[:, -WINDOW:].sum(axis=1)

    @property
    def expected(self) -> pd.Series:
        return HOUSEHOLDS * (self.year.sum() / HOUSEHOLDS.sum())


@dataclass(frozen=True)
class Scenario:
    """What is going on: how compounds differ, and what is planted in one of them."""

    name: str
    law: str = "poisson"
    boost: float = 1.0
    is_new: bool = False


QUIET = [
    Scenario("quiet, Poisson"),
    Scenario("quiet, CV .4 gamma", "gamma"),
    Scenario("quiet, CV .4 logn", "lognormal"),
]
PLANTED = [
    Scenario("x2, Poisson", boost=2.0),
    Scenario("x2, CV .4", "gamma", 2.0),
    Scenario("x3, CV .4", "gamma", 3.0),
    Scenario("x2 new, CV .4", "gamma", 2.0, True),
    Scenario("x3 new, CV .4", "gamma", 3.0, True),
]


def make_communities(scenario: Scenario, number: int, seed: int) -> Iterator[Community]:
    """Make so many communities; the same seed makes the same ones."""
    generator = np.random.default_rng(seed)
    for _ in range(number):
        nature = draw_nature(scenario.law, generator)
        rates = HOUSEHOLDS.to_numpy() * nature * (YEARLY_PER_1000 / 12_000.0)
        mean = rates[:, None] * SEASON
        planted = int(generator.integers(len(SIZES))) if scenario.boost != 1.0 else None
        if planted is not None:
            mean[planted, -RECENT if scenario.is_new else 0 :] *= scenario.boost
            nature[planted] *= 1.0 if scenario.is_new else scenario.boost
        counts = pd.DataFrame(generator.poisson(mean))
        yield Community(counts, nature, planted, generator.uniform(0, 1150, (len(SIZES), 2)))


def draw_nature(law: str, generator: np.random.Generator) -> np.ndarray:
    """Draw how much more than the mean each compound complains by nature."""
    if law == "poisson":
        return np.ones(len(SIZES))
    if law == "gamma":
        shape = NATURE_CV**-2
        return generator.gamma(shape, 1.0 / shape, len(SIZES))
    variance = np.log1p(NATURE_CV**2)
    return np.exp(generator.normal(-variance / 2.0, np.sqrt(variance), len(SIZES)))


# The alarms: each says of every compound whether it is flagged.


def flag_above_interval(town: Community) -> np.ndarray:
    rates = estimate_rates(town.year, HOUSEHOLDS)
    return (rates["rate_low"] > 1000 * town.year.sum() / HOUSEHOLDS.sum()).to_numpy()


def flag_poisson_funnel(town: Community) -> np.ndarray:
    p_values = stats.poisson.sf(town.year - 1, town.expected)
    return stats.false_discovery_control(p_values) <= ALPHA


def flag_published_funnel(town: Community) -> np.ndarray:
    return judge_funnel(town.year, town.expected)["is_high"].to_numpy()


def flag_own_past(town: Community) -> np.ndarray:
    return judge_own_past(town.counts)["is_high"].to_numpy()


def flag_scan(town: Community, cv: float = 0.0) -> np.ndarray:
    found = scan_clusters(town.places, town.year, HOUSEHOLDS, simulations=99, max_clusters=1, cv=cv)
    flags = np.zeros(len(SIZES), dtype=bool)
    for members in found.loc[found["p_value"] <= ALPHA, "members"]:
        flags[members] = True
    return flags


def flag_wide_scan(town: Community) -> np.ndarray:
    return flag_scan(town, judge_outliers(town.year, HOUSEHOLDS).attrs["cv"])


def flag_emerging(town: Community) -> np.ndarray:
    found = scan_emerging(town.places, town.counts, simulations=99, max_periods=6, max_clusters=1)
    flags = np.zeros(len(SIZES), dtype=bool)
    for members in found.loc[found["p_value"] <= ALPHA, "members"]:
        flags[members] = True
    return flags


def flag_local(town: Community) -> np.ndarray:
    rate = town.year / HOUSEHOLDS
    neighbours = find_nearest(town.places, rate.index, 3)
    local = find_local_hotspots(rate, neighbours, permutations=199)
    # As most maps do it: every area at the 5 % level is shown red.
    return ((local["p_value"] <= ALPHA) & (local["z"] > 0)).to_numpy()


def flag_outliers(town: Community) -> np.ndarray:
    return judge_outliers(town.year, HOUSEHOLDS)["is_high"].to_numpy()


def flag_rise(town: Community) -> np.ndarray:
    return judge_rise(town.counts)["is_rising"].to_numpy()


def flag_compounds(town: Community) -> np.ndarray:
    judged = judge_compounds(town.counts, HOUSEHOLDS, WINDOW, RECENT)
    return judged["verdict"].isin(["high", "rising", "high_and_rising"]).to_numpy()


NAIVE: dict[str, Alarm] = {
    "interval above the mean": flag_above_interval,
    "Poisson funnel, FDR": flag_poisson_funnel,
    "published funnel (phi), FDR": flag_published_funnel,
    "latest month, own past": flag_own_past,
}
SLOW: dict[str, Alarm] = {
    "Gi* at 5 %": flag_local,
    "scan, Poisson": flag_scan,
    "scan, overdispersed": flag_wide_scan,
    "scan, emerging": flag_emerging,
}
CHOSEN: dict[str, Alarm] = {
    "against the others": flag_outliers,
    "against own past and rest": flag_rise,
    "both (judge_compounds)": flag_compounds,
}


def measure_alarms(alarms: dict[str, Alarm], number: int, seed: int) -> pd.DataFrame:
    """Per cent of communities with any alarm where quiet, with the planted one flagged else."""
    table = pd.DataFrame(index=list(alarms))
    for scenario in QUIET + PLANTED:
        hits = dict.fromkeys(alarms, 0)
        for town in make_communities(scenario, number, seed):
            for name, flag in alarms.items():
                flags = flag(town)
                hits[name] += bool(flags.any() if town.planted is None else flags[town.planted])
        table[scenario.name] = [100.0 * hits[name] / number for name in alarms]
    return table


def measure_ranking(number: int, seed: int) -> pd.DataFrame:
    """Per cent of communities whose truly worst compound is ranked first."""
    ways = ["raw count", "raw rate", "shrunk rate", "chance of being first"]
    table = pd.DataFrame(index=ways)
    for scenario in (Scenario("CV .4", "gamma"), PLANTED[0], PLANTED[1], PLANTED[2]):
        first = dict.fromkeys(ways, 0)
        for town in make_communities(scenario, number, seed):
            worst = int(np.argmax(town.nature))
            rate = town.year / HOUSEHOLDS
            shrunk = shrink_rates(town.year, HOUSEHOLDS)["rate_shrunk"]
            chance = measure_chance_first(town.year, HOUSEHOLDS, top=1, draws=1000)
            measures = (town.year, rate, shrunk, chance)
            for way, values in zip(ways, measures, strict=True):
                first[way] += int(np.argmax(values)) == worst
        table[scenario.name] = [100.0 * first[way] / number for way in ways]
    return table


def measure_coverage(number: int, seed: int) -> pd.Series:
    """Per cent of 95 % intervals that hold the truth, where compounds differ (CV 0.4)."""
    held: dict[str, list[np.ndarray]] = {}
    for town in make_communities(QUIET[1], number, seed):
        truth = town.nature * YEARLY_PER_1000
        rates = estimate_rates(town.year, HOUSEHOLDS)
        shrunk = shrink_rates(town.year, HOUSEHOLDS)
        halves = [town.counts.iloc[:, part].sum(axis=1) for part in (slice(12, 24), slice(0, 12))]
        years = compare_counts(*halves)
        for name, low, high, value in (
            ("rates, exact", rates["rate_low"], rates["rate_high"], truth),
            ("rates, shrunk", shrunk["rate_shrunk_low"], shrunk["rate_shrunk_high"], truth),
            ("year on year, exact", years["ratio_low"], years["ratio_high"].fillna(np.inf), 1.0),
        ):
            held.setdefault(name, []).append(((low <= value) & (value <= high)).to_numpy())
    covered = {name: 100.0 * float(np.mean(flags)) for name, flags in held.items()}
    return pd.Series(covered, name="held, %")


def measure_effects(number: int, seed: int) -> pd.DataFrame:
    """How effects of known size are found: six months after, in one of the ten largest."""
    rows = {}
    generator = np.random.default_rng(seed)
    for true in (1.0, 0.7, 0.5, 1.5):
        held, verdicts = 0, []
        for town in make_communities(QUIET[1], number, seed + 1):
            where = int(generator.integers(10))
            mean = HOUSEHOLDS[where] * town.nature[where] * YEARLY_PER_1000 / 12_000.0
            counts = town.counts.copy()
            counts.iloc[where, -6:] = generator.poisson(mean * SEASON[-6:] * true)
            effect = measure_effect(counts, [where], MONTHS - 6)
            held += effect.ratio_low <= true and not effect.ratio_high < true
            verdicts.append(effect.verdict)
        shares = pd.Series(verdicts).value_counts(normalize=True) * 100.0
        rows[f"true ratio {true}"] = {"interval holds": 100.0 * held / number, **shares}
    columns = ["interval holds", "better", "worse", "no_change", "too_early"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).fillna(0.0)


def measure_clusters(number: int, seed: int) -> pd.Series:
    """How often a planted cluster of eight among 120 buildings is found, and one without."""
    generator = np.random.default_rng(seed)
    hits: dict[str, int] = {}
    for is_planted in (True, False):
        for _ in range(number):
            places, cases, people, core = plant_cluster(generator, is_planted)
            since = np.arange(12) >= 9
            later = np.where(since, 1.0, 0.0) if is_planted else np.zeros(12)
            growing = people[:, None] * 0.005 * (1.0 + core[:, None] * later * 2.0)
            months = pd.DataFrame(generator.poisson(growing))
            still = scan_clusters(places, cases, pd.Series(people), 0.5, 99, max_clusters=1)
            moving = scan_emerging(places, months, simulations=99, max_periods=6, max_clusters=1)
            for name, found in (("space (x2)", still), ("space-time (x3 new)", moving)):
                key = f"{name}, {'planted' if is_planted else 'none'}"
                hits[key] = hits.get(key, 0) + is_found(found, core, is_planted)
    return pd.Series({name: 100.0 * n / number for name, n in hits.items()}, name="found, %")


def plant_cluster(
    generator: np.random.Generator, is_planted: bool
) -> tuple[np.ndarray, pd.Series, np.ndarray, np.ndarray]:
    """Lay out 120 buildings and their cases of a year, twice as many in eight near ones."""
    places = generator.uniform(0.0, 1150.0, (120, 2))
    people = generator.integers(40, 220, 120).astype(float)
    distance = np.hypot(*(places - places[0]).T)
    core = np.zeros(120, dtype=bool)
    core[np.argsort(distance)[:8]] = True
    rate = people * YEARLY_PER_1000 / 1000.0 * np.where(core & is_planted, 2.0, 1.0)
    return places, pd.Series(generator.poisson(rate)), people, core


def is_found(found: pd.DataFrame, core: np.ndarray, is_planted: bool) -> bool:
    """Found: a significant cluster, and where one is planted at least half of it inside."""
    if found.empty or found["p_value"].iloc[0] > ALPHA:
        return False
    members = np.isin(np.arange(len(core)), found["members"].iloc[0])
    return not is_planted or bool((members & core).sum() * 2 >= core.sum())


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--communities", type=int, default=320, help="per scenario")
    parser.add_argument("--seed", type=int, default=20120901)
    wanted = parser.parse_args()
    number, few, seed = wanted.communities, max(1, wanted.communities // 5), wanted.seed
    started = time.perf_counter()
    pd.options.display.width = 160
    pd.options.display.max_columns = 20
    print(
        f"{number} communities per scenario ({few} for naive methods and scans), {YEARLY_PER_1000:g} complaints"
    )
    print(f"per 1,000 households and year, seed {seed}. All numbers are per cent.\n")
    print("Alarms: any false one where it is quiet; the planted compound flagged where not")
    frames = [measure_alarms(group, n, seed) for group, n in
              ((NAIVE, few), (SLOW, few), (CHOSEN, number))]  # fmt: skip
    print(pd.concat(frames).round(1).to_string(), "\n")
    print("The truly worst compound is ranked first")
    print(measure_ranking(few * 2, seed + 1).round(1).to_string(), "\n")
    print("95 % intervals hold the truth")
    print(measure_coverage(few * 2, seed + 2).round(1).to_string(), "\n")
    print("Effects after six months in one compound")
    print(measure_effects(number, seed + 3).round(1).to_string(), "\n")
    print("Clusters of 8 among 120 buildings")
    print(measure_clusters(few, seed + 4).round(1).to_string(), "\n")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
