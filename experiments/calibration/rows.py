"""All estimates of a recorded day as rows."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.calibration.blocks import Measured
from experiments.calibration.calibration import Calibration, Fit
from experiments.calibration.estimate import EXACT, EstimateRow, measured
from experiments.calibration.hawkes import Hawkes
from experiments.calibration.levels import Rate, mean_dispersion
from experiments.calibration.mid_rows import daytime, jumps, regimes, volatility

DISPERSION = "variance of the rates over that of a Poisson flow, mean"


def rows(found: Calibration) -> list[EstimateRow]:
    """All numbers of a calibration, in the order of the report."""
    return [
        *_read(found),
        *volatility(found),
        *daytime(found),
        *jumps(found),
        *regimes(found),
        *_trades(found),
        *(row for name, fit in found.fits.items() for row in _fit(name, fit)),
        *_laws(found),
        *_adverse(found),
        *(row for name, process in found.hawkes.items() for row in _hawkes(name, process)),
        *_queues(found),
        *_zero_intelligence(found),
    ]


def _read(found: Calibration) -> Iterator[EstimateRow]:
    for section, numbers in (("read", found.recording.counts), ("checked", found.recording.checks)):
        for name, count in numbers.items():
            yield EstimateRow(section, name, count, EXACT, "")
    for state, stretches in found.recording.without_quote.items():
        yield EstimateRow("read", f"share of time {state}", stretches.share, EXACT, "")
        yield EstimateRow("read", f"longest stretch {state}", stretches.longest, EXACT, "s")
    yield EstimateRow("read", "tick", found.recording.tick, EXACT, "price")
    yield EstimateRow("read", "trading time", found.recording.length / 1e9, EXACT, "s")


def _trades(found: Calibration) -> Iterator[EstimateRow]:
    spread, orders = found.spread, found.orders
    yield measured("spread", "time-weighted mean", spread.mean, "price")
    yield measured("spread", "share of time at one tick", spread.one_tick, "")
    yield measured("spread", "size at the best bid", spread.bid_size, "units")
    yield measured("spread", "size at the best ask", spread.ask_size, "units")
    yield EstimateRow("market orders", "count", orders.count, EXACT, "")
    yield measured("market orders", "rate", orders.rate, "1 / s")
    yield measured("market orders", "buys", orders.buys, "1 / s")
    yield measured("market orders", "sells", orders.sells, "1 / s")
    yield measured("market orders", "mean size", orders.size, "units")
    yield EstimateRow("market orders", "median size", orders.median_size, EXACT, "units")
    yield measured("market orders", "share that walks more than one price", orders.walking, "")
    yield EstimateRow("market orders", "variance / mean of counts in blocks", orders.dispersion, EXACT, "")
    for impact in found.impacts:
        yield measured("impact", f"{impact.horizon:g} s after a market order", impact.mean, "price")


def _fit(name: str, fit: Fit) -> Iterator[EstimateRow]:
    section, power = f"lambda(depth), {name}", fit.power_law
    yield measured(section, "exponential A", fit.exponential.rate, "1 / s")
    yield measured(section, "exponential k", fit.exponential.k, "1 / price")
    yield EstimateRow(
        section, "exponential, largest gap in the chance of a fill", fit.exponential.largest_gap, EXACT, ""
    )
    yield EstimateRow(section, "exponential, deviance", fit.exponential.deviance, EXACT, "")
    yield measured(section, "power law A", power.rate, "1 / s")
    yield measured(section, "power law 1 / exponent", power.curvature, "")
    yield EstimateRow(section, "power law scale", power.scale, EXACT, "price")
    yield EstimateRow(section, "power law, largest gap in the chance of a fill", power.largest_gap, EXACT, "")
    yield EstimateRow(section, "power law, deviance", power.deviance, EXACT, "")
    yield EstimateRow(section, "log-linear A", fit.line.rate, EXACT, "1 / s")
    yield EstimateRow(section, "log-linear k", fit.line.k, EXACT, "1 / price")
    yield EstimateRow(section, "log-linear R2", fit.line.r_squared, EXACT, "")
    for share in (0.25, 0.5, 1.0, 2.0, 3.0):
        depth = share / fit.exponential.k.value
        yield measured(section, f"mid's move against a fill at {depth:.4g}", fit.reach.adverse(depth), "price")


def _laws(found: Calibration) -> Iterator[EstimateRow]:
    for place, law in enumerate(found.laws, 1):
        section = f"law of fills, {place}: {law.name}"
        yield measured(section, "rate", law.rate, "1 / s")
        for name, one in law.parameters.items():
            yield measured(section, name, one, UNITS[name])
        yield EstimateRow(section, "largest gap in the chance of a fill", law.largest_gap, EXACT, "")
        yield EstimateRow(
            section, "criterion, less that of the first", law.criterion - found.laws[0].criterion, EXACT, ""
        )


def _adverse(found: Calibration) -> Iterator[EstimateRow]:
    one, section = found.adverse, "adverse selection"
    if one is None:
        return
    yield EstimateRow(section, "quotes that were filled", one.fills, EXACT, "")
    yield measured(section, "move against a fill, mean over depths", one.mean, "price")
    yield measured(section, "move against a fill, base", one.base, "price")
    yield measured(section, "move against a fill, slope by depth", one.slope, "")
    yield measured(section, "move against a fill, bend by depth", one.bend, "1 / price")
    if "pooled" in found.fits:
        k = found.fits["pooled"].exponential.k.value
        at = one.at(1.0 / k)
        yield measured(section, "move against a fill at 1/k", at, "price")
        yield measured(section, "move against a fill at 1/k, times k", Measured(at.value * k, at.error * k), "")


UNITS = {
    "k": "1 / price", "deep_k": "1 / price", "scale": "price", "exponent": "", "middle": "price", "width": "price",
    "reach": "price", "share": "",
}  # fmt: skip


def _hawkes(name: str, process: Hawkes) -> Iterator[EstimateRow]:
    section, kinds = f"Hawkes, {name}", ("buys", "sells") if len(process.base) > 1 else ("orders",)
    for kind, base in zip(kinds, process.base, strict=True):
        yield measured(section, f"base rate of {kind}", base, "1 / s")
    for p, decay in enumerate(process.decay, 1):
        yield measured(section, f"decay {p}", decay, "1 / s")
    for m, kind in enumerate(kinds):
        for n, cause in enumerate(kinds):
            for p, ratio in enumerate(process.branching[m][n], 1):
                yield measured(section, f"{kind} that follow each of {cause}, decay {p}", ratio, "")
    yield EstimateRow(section, "spectral radius", process.spectral_radius, EXACT, "")
    yield EstimateRow(section, "Kolmogorov distance of the residuals", process.distance, EXACT, "")
    yield EstimateRow(section, "p value", process.p_value, EXACT, "")
    yield measured(section, "autocorrelation of the residuals", process.autocorrelation, "")
    yield EstimateRow(section, "Akaike's criterion", process.criterion, EXACT, "")
    yield EstimateRow(
        section, "log likelihood over Poisson's", process.log_likelihood - process.poisson_log_likelihood, EXACT, ""
    )


def _queues(found: Calibration) -> Iterator[EstimateRow]:
    if found.queues is None:
        return
    yield EstimateRow("queues", "mean limit order", found.queues.unit, EXACT, "units")
    yield measured("queues", "orders between the best quotes, a side", found.queues.inside.rate, "1 / s")
    for kind in ("limit", "cancel", "market"):
        cells = [rate for sizes in getattr(found.queues, kind) for rate in sizes]
        yield EstimateRow(f"queues, {kind}", DISPERSION, mean_dispersion(cells), EXACT, "")
        for level, sizes in enumerate(getattr(found.queues, kind), 1):
            if kind != "market" or level == 1:
                for size, rate in enumerate(sizes, 1):
                    yield from _rate(f"queues, {kind}", f"level {level}, size {size}", rate)


def _zero_intelligence(found: Calibration) -> Iterator[EstimateRow]:
    model, section = found.zero_intelligence, "zero intelligence"
    if model is None:
        return
    yield measured(section, "mu", model.market, "orders / s")
    yield measured(section, "mean market order", model.market_size, "limit orders")
    yield EstimateRow(section, "scale of lambda's power law", model.scale, EXACT, "orders / s")
    yield EstimateRow(section, "exponent of lambda's power law", model.exponent, EXACT, "")
    yield EstimateRow(section, "power law's residual, share of lambda's spread", model.gap, EXACT, "")
    yield EstimateRow(section, f"lambda: {DISPERSION}", mean_dispersion(model.arrival), EXACT, "")
    for i, (arrival, cancel, depth) in enumerate(zip(model.arrival, model.cancellation, model.depth, strict=True), 1):
        yield from _rate(section, f"lambda({i})", arrival)
        yield from _rate(section, f"theta({i})", cancel)
        yield measured(section, f"orders resting at {i}", depth, "limit orders")


def _rate(section: str, name: str, rate: Rate) -> Iterator[EstimateRow]:
    if rate.seconds > 0.0:
        yield measured(section, name, rate.rate, "1 / s")
