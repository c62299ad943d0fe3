"""How far units differ by nature: a gamma-Poisson model whose unknowns are integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from geo.checks import Floats

# The grid of coefficients of variation between units; 0 is plain Poisson.
SPREADS = np.concatenate([[0.0], np.geomspace(0.04, 2.0, 23)])
TYPICAL_SPREAD = 0.5
MEAN_NODES = np.linspace(-4.5, 4.5, 25)
MEAN_STRETCH = 1.3
QUANTILE_STEPS = 200
QUANTILE_ERROR = 1e-10  # of the logarithm
HALVED_EVERY = 4
NEXT_TO_NOTHING = 1e-100
CHUNK_UNITS = 400
NEGLIGIBLE = 1e-7
QUANTILE_NEGLIGIBLE = 1e-5


@dataclass(frozen=True)
class Spread:
    """The units and how likely each pair of (spread, mean) of the grid is.

    ``cases`` and ``base`` are (n,); ``cv`` and ``mean`` are (g,), the coefficient of
    variation between units and the mean rate per one unit of ``base``; ``log_likelihood``
    is (n, g), each unit's own share of it; ``log_prior`` is (g,).
    """

    cases: Floats
    base: Floats
    cv: Floats
    mean: Floats
    log_likelihood: Floats
    log_prior: Floats

    @property
    def weights(self) -> Floats:
        """Posterior probability of each grid point, all units known; (g,), sums to 1."""
        return _normalise(self.log_likelihood.sum(axis=0) + self.log_prior)

    @property
    def weights_without(self) -> Floats:
        """Posterior probabilities with each unit left out in turn; (n, g), rows sum to 1."""
        total = self.log_likelihood.sum(axis=0) + self.log_prior
        return _normalise(total[None, :] - self.log_likelihood)

    @property
    def typical_cv(self) -> float:
        """Posterior mean of the coefficient of variation."""
        return float(self.weights @ self.cv)

    @property
    def typical_mean(self) -> float:
        """Posterior mean of the rate per one unit of exposure."""
        return float(self.weights @ self.mean)


def fit_spread(cases: Floats, base: Floats) -> Spread:
    """Fit the gamma-Poisson model of rates that differ between units.

    Parameters
    ----------
    cases, base : (n,) floats without NaN, base above 0, at least one case
        Counts, and what they arise from (households, or expected cases).

    Returns
    -------
    Spread
        Posterior over a grid of 24 coefficients of variation, each with 25 means.

    Notes
    -----
    Given the rate, a count is Poisson; rates are gamma between units, so counts are
    negative binomial. The prior of the mean is flat in its logarithm; that of the
    coefficient of variation is half-normal with scale 0.5, which holds everything from
    'alike' to 'several times' possible; on so few units any prior speaks a little.
    Clayton and Kaldor (1987), Biometrics 43, 671-681, for the model; Gelman (2006),
    Bayesian Analysis 1, 515-533, for half-normal and half-t priors of a spread.
    """
    pooled = cases.sum() / base.sum()
    unevenness = (base**2).sum() / base.sum() ** 2
    width = np.sqrt(1.0 / cases.sum() + SPREADS**2 * unevenness) * MEAN_STRETCH
    cv = np.repeat(SPREADS, len(MEAN_NODES))
    mean = pooled * np.exp((width[:, None] * MEAN_NODES).ravel())
    # Cells of the grid: the step between means, and half-steps between spreads.
    step = np.gradient(SPREADS)
    prior = np.exp(-0.5 * (SPREADS / TYPICAL_SPREAD) ** 2) * step * width
    log_prior = np.repeat(np.log(prior), len(MEAN_NODES))
    return Spread(cases, base, cv, mean, _measure_likelihood(cases, base, cv, mean), log_prior)


def find_tails(spread: Spread) -> Floats:
    """Find how likely each count, or one above it, is by what all other units show.

    Returns
    -------
    (n,) floats in 0 to 1
        Mid-p values: the probability of a higher count plus half that of the same one.

    Notes
    -----
    Cross-validatory predictive p-values: Marshall and Spiegelhalter (2007), Bayesian
    Analysis 2, 409-444. Since the spread is integrated out, few units make the tail
    heavier, as Student's t does. Whether rates are gamma or log-normal between units
    sixteen of them cannot show, so at each point of the grid the larger of both tails
    counts. That of the log-normal takes log G - log rate as normal, where G is the gamma
    variable of the identity P(Poisson >= y) = P(G <= rate); with y of 5 or more and the
    spread of rates beside it, it is exact to about a hundredth of itself.
    """
    weights = spread.weights_without
    kept = weights.max(axis=0) > NEGLIGIBLE
    weights, cv, mean = weights[:, kept], spread.cv[kept], spread.mean[kept]
    tails = np.empty(len(spread.cases))
    for start in range(0, len(tails), CHUNK_UNITS):
        rows = slice(start, start + CHUNK_UNITS)
        cases, base = spread.cases[rows, None], spread.base[rows, None]
        same = np.exp(spread.log_likelihood[rows][:, kept])
        mixed = _measure_tail(cases + 1.0, base, cv, mean) + 0.5 * same
        skewed = _measure_skewed_tail(cases, base, cv, mean)
        larger = np.where(cv > 0, np.maximum(mixed, skewed), mixed)
        tails[rows] = (weights[rows] * larger).sum(axis=1)
    clipped: Floats = np.clip(tails, 0.0, 1.0)
    return clipped


def find_limits(spread: Spread, base: Floats, levels: Floats) -> Floats:
    """Find the rates that a unit of given exposure stays below with given probability.

    Parameters
    ----------
    spread : Spread
    base : (m,) exposures above 0
    levels : (q,) probabilities

    Returns
    -------
    (m, q) rates per one unit of exposure
        The smallest whole count whose probability reaches the level, over the exposure.
    """
    weights, limits = spread.weights, np.empty((len(base), len(levels)))
    for row, exposure in enumerate(base):
        for column, level in enumerate(levels):
            limits[row, column] = _find_count(spread, weights, exposure, level) / exposure
    return limits


def draw_rates(spread: Spread, draws: int, generator: np.random.Generator) -> Floats:
    """Draw the true rates of all units from their posterior; (draws, n).

    Where a draw says that all are alike, they differ by a billionth, so that ties in
    their order are broken by chance and not by position.
    """
    grid = generator.choice(len(spread.cv), size=draws, p=spread.weights)
    cv, mean = spread.cv[grid, None], spread.mean[grid, None]
    shape = 1.0 / np.where(cv > 0, cv, 1.0) ** 2
    drawn = generator.gamma(shape + spread.cases) / (shape / mean + spread.base)
    alike = mean * (1.0 + 1e-9 * generator.random(drawn.shape))
    return np.where(cv > 0, drawn, alike)


def bound_rates(spread: Spread, level: float) -> tuple[Floats, Floats]:
    """Bound the true rate of each unit; two (n,) arrays, equal tails outside."""
    tail = (1.0 - level) / 2.0
    return _find_quantile(spread, tail), _find_quantile(spread, 1.0 - tail)


def _normalise(log_weights: Floats) -> Floats:
    top = log_weights.max(axis=-1, keepdims=True)
    weights = np.exp(log_weights - top)
    shares: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def _measure_likelihood(cases: Floats, base: Floats, cv: Floats, mean: Floats) -> Floats:
    """Log probability of each count at each grid point; (n, g)."""
    expected = base[:, None] * mean
    counts = cases[:, None]
    shape = 1.0 / np.where(cv > 0, cv, 1.0) ** 2
    poisson = special.xlogy(counts, expected) - expected
    mixed = special.gammaln(shape + counts) - special.gammaln(shape)
    mixed += shape * np.log(shape / (shape + expected))
    mixed += special.xlogy(counts, expected / (shape + expected))
    likelihood: Floats = np.where(cv > 0, mixed, poisson) - special.gammaln(counts + 1.0)
    return likelihood


def _measure_tail(least: Floats, base: Floats, cv: Floats, mean: Floats) -> Floats:
    """Probability of at least `least` cases, above 0, at each grid point."""
    expected = base * mean
    shape = 1.0 / np.where(cv > 0, cv, 1.0) ** 2
    mixed = special.betainc(least, shape, expected / (shape + expected))
    tail: Floats = np.where(cv > 0, mixed, special.gammainc(least, expected))
    return tail


def _measure_skewed_tail(cases: Floats, base: Floats, cv: Floats, mean: Floats) -> Floats:
    """Mid-p of each count at each grid point if rates are log-normal between units."""
    variance = np.log1p(cv**2)
    centre = np.log(base * mean) - variance / 2.0

    def measure(least: Floats) -> Floats:
        scatter = np.sqrt(variance + special.polygamma(1, least))
        tail: Floats = special.ndtr((centre - special.digamma(least)) / scatter)
        return tail

    at_least = np.where(cases > 0, measure(np.maximum(cases, 1.0)), 1.0)
    middle: Floats = (at_least + measure(cases + 1.0)) / 2.0
    return middle


def _find_count(spread: Spread, weights: Floats, exposure: float, level: float) -> float:
    """Find the smallest count whose predictive probability reaches the level, by halving."""
    low, high = -1, 1
    at = np.array(exposure)

    def reaches(count: int) -> bool:
        above = _measure_tail(np.array(count + 1.0), at, spread.cv, spread.mean)
        return bool(1.0 - weights @ above >= level)

    while not reaches(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return float(high)


def _find_quantile(spread: Spread, probability: float) -> Floats:
    """Find a quantile of each unit's posterior, a mixture of gammas, in its logarithm.

    Newton's steps, kept within bounds that every step narrows; where the mixture jumps (all
    alike) they lead nowhere, and halving does.
    """
    weights = spread.weights
    kept = weights > QUANTILE_NEGLIGIBLE * weights.max()
    cv, mean, weights = spread.cv[kept], spread.mean[kept], weights[kept] / weights[kept].sum()
    shape = 1.0 / np.where(cv > 0, cv, 1.0) ** 2
    shapes, rates = shape + spread.cases[:, None], shape / mean + spread.base[:, None]
    pooled = spread.cases.sum() / spread.base.sum()
    low = np.full(len(spread.cases), np.log(pooled) - 30.0)
    high = np.log(pooled + 20.0 * (spread.cases + 20.0) / spread.base)
    at = np.clip(_guess_quantile(shapes, rates, weights, probability), low, high)
    left = np.arange(len(at))
    for step in range(QUANTILE_STEPS):
        here, own = at[left], shapes[left]
        reached = rates[left] * np.exp(here)[:, None]
        below = np.where(cv > 0, special.gammainc(own, reached), mean <= np.exp(here)[:, None])
        slope = np.exp(own * np.log(reached) - reached - special.gammaln(own)) * (cv > 0)
        missing = probability - (weights * below).sum(axis=1)
        low[left] = np.where(missing > 0, here, low[left])
        high[left] = np.where(missing > 0, high[left], here)
        move = _divide(missing, (weights * slope).sum(axis=1))
        is_within = (here + move > low[left]) & (here + move < high[left])
        is_within &= step % HALVED_EVERY != HALVED_EVERY - 1
        at[left] = np.where(is_within, here + move, (low[left] + high[left]) / 2.0)
        is_near = (np.abs(at[left] - here) < QUANTILE_ERROR) & is_within
        left = left[~is_near & (high[left] - low[left] > QUANTILE_ERROR)]
        if not len(left):
            break
    quantile: Floats = np.exp(at)
    return quantile


def _guess_quantile(shapes: Floats, rates: Floats, weights: Floats, probability: float) -> Floats:
    """The logarithm of the quantile of a gamma with the mean and variance of the mixture."""
    means = shapes / rates
    mean = means @ weights
    variance = (shapes / rates**2 + means**2) @ weights - mean**2
    shape = mean**2 / variance
    found = special.gammaincinv(shape, probability) * variance / mean
    guess: Floats = np.log(np.maximum(found, np.finfo(float).tiny))
    return guess


def _divide(above: Floats, below: Floats) -> Floats:
    """Divide; infinite where next to nothing is below."""
    quotient = np.full(above.shape, np.inf)
    np.divide(above, below, out=quotient, where=below > NEXT_TO_NOTHING)
    return quotient
