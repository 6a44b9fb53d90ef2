"""The market that was found, as YAML for conf/market/."""

from __future__ import annotations

import math
import re
from pathlib import Path

from experiments.calibration.calibration import Calibration
from experiments.setup import CONF

STEPS = 600

TEMPLATE = """\
# {instrument}, {day} ({source}): calibrated. Price units and seconds, quoted anew every {lifetime:g} s
# sigma {sigma} from the mid's moves over {lifetime:g} s, from the first line on
# rate {rate} and k {k} of rate exp(-k depth): bids and asks pooled, composite maximum likelihood
#   of what a quote of a lifetime of {lifetime:g} s would have got, first in its queue, at every depth from the mid
#   up to {max_depth:g}; largest gap between the observed and the fitted chance of a fill {gap:.3f}; errors in brackets
# left out: after a fill at depth 1/k the mid stood {adverse} against the maker by the lifetime's end; for that,
#   impact@market.venue.impact=on_fill market.venue.impact.mean={adverse_mean:.4g}
# chosen, not estimated: horizon, limits, reach of the quotes (3.5 / k) and phi = rate / (16 e k), at which
#   each unit held moves the best quotes by about 1 / (4 k)
# {command}
defaults:
  - /price@price: brownian
  - /flow@venue.flow: poisson
  - /fill@venue.fill: exponential
  - /impact@venue.impact: none
  - /clock@clock: finite_horizon
  - /quote@quote: spread_and_skew
  - /reward@reward: inventory_penalty
  - /fees@fees: per_unit
  - _self_

_target_: mm_env.Market
price: {{sigma: {sigma.value:.4g}}}
venue:
  _target_: mm_env.Dealer
  flow: {{rate: {rate.value:.4g}}}
  fill: {{k: {k.value:.4g}}}
clock: {{horizon: {horizon:g}, steps: {steps}}}
quote: {{max_half_spread: {reach:.2g}, max_skew: {reach:.2g}}}
reward: {{phi: {phi:.1g}}}
initial_mid: {mid:.6g}
initial_inventory: 0.0
max_inventory: 20.0
order_size: 1.0
inventory_scale: 3.0
"""


def market_yaml(found: Calibration, command: str) -> str:
    """The text of conf/market/NAME.yaml."""
    fit, recording = found.fits["pooled"], found.recording
    decay, lifetime = fit.exponential, found.settings.lifetime
    rate, k = decay.rate, decay.k
    adverse = fit.reach.adverse(1.0 / k.value)
    return TEMPLATE.format(
        instrument=recording.instrument,
        day=recording.day,
        source=recording.source,
        lifetime=lifetime,
        sigma=found.sigma.sigma,
        rate=rate,
        k=k,
        max_depth=found.max_depth,
        gap=decay.largest_gap,
        adverse=adverse,
        adverse_mean=max(adverse.value, 0.0),
        command=command,
        horizon=STEPS * lifetime,
        steps=STEPS,
        reach=3.5 / k.value,
        phi=rate.value / (16.0 * math.e * k.value),
        mid=found.mid,
    )


def market_path(to: str | None, instrument: str = "", day: str = "") -> Path:
    """Where the YAML goes: a path ending in .yaml as it is, a name into conf/market; without one INSTRUMENT_DAY.

    Raises: ValueError for what is neither a name nor such a path.
    """
    name = f"{instrument}_{day.replace('-', '')}".lower() if to is None else str(to)
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    if not re.fullmatch(r"\w+", name):
        raise ValueError(f"to must be a name (letters, digits, _) or a path ending in .yaml, got {name!r}")
    return CONF / "market" / f"{name}.yaml"


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file unless told to. Raises: ValueError."""
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists: give another to=NAME, or overwrite=true")
    if not path.parent.is_dir():
        raise ValueError(f"to must lie in a folder that exists, got {path}")
