"""The calibrated market as YAML for ./conf/market."""

from __future__ import annotations

import math
import re
from pathlib import Path

from experiments.calibration import words
from experiments.calibration.calibration import QUOTED, Calibration
from experiments.calibration.laws import named
from experiments.config.search_path import user_conf, written_to

STEPS = 600
AWAY = 14.0  # times 1/k, where fills hardly ever come: what quotes must reach where it is best to keep away

TEMPLATE = """\
# {instrument}, {day} ({source}): calibrated. Price units and seconds, quoted anew every {lifetime:g} s
{price_words}
{fill_words}
#   of what a quote of a lifetime of {lifetime:g} s would have got, first in its queue, at every depth from the mid
#   up to {max_depth:g}; errors in brackets
{law_words}
{impact_words}
# chosen, not estimated: horizon, limits, reach of the quotes ({quoted:g} / k) and phi = rate / (16 e k), at which
#   each unit held moves the best quotes by about 1 / (4 k)
# {command}
defaults:
  - /price@price: {price_default}
  - /flow@venue.flow: poisson
  - /fill@venue.fill: {fill}
  - /impact@venue.impact: {impact}
  - /clock@clock: finite_horizon
  - /quote@quote: spread_and_skew
  - /reward@reward: inventory_penalty
  - /fees@fees: per_unit
  - _self_

_target_: mm_env.Market
{price_part}
venue:
  _target_: mm_env.Dealer
  flow: {{rate: {rate:.4g}}}
  fill: {{{fill_numbers}}}
{impact_line}clock: {{horizon: {horizon:g}, steps: {steps}}}
quote: {{max_half_spread: {reach:.2g}, max_skew: {reach:.2g}}}
reward: {{phi: {phi:.1g}}}
initial_mid: {mid:.6g}
initial_inventory: 0.0
max_inventory: 20.0
order_size: 1.0
inventory_scale: 3.0
"""

JUMPS = """\
price: {{sigma: {sigma:.4g}, rate: {rate:.4g}, jump_mean: 0.0, jump_std: {size:.4g}}}
"""
REGIMES = """\
price:
  price: {{sigma: {sigma:.4g}}}
  rates: [[0.0, {out:.4g}], [{back:.4g}, 0.0]]
  volatility: [1.0, {ratio:.4g}]
"""


def market_yaml(found: Calibration, command: str) -> str:
    """The text of conf/market/NAME.yaml.

    Raises: ValueError that says what the recording does not tell.
    """
    if found.missing:
        raise ValueError(
            f"no market can be made of {found.recording.instrument}'s recording: {'; '.join(found.missing)}"
        )
    recording, lifetime = found.recording, found.settings.lifetime
    rate, k = found.fits["pooled"].exponential.rate.value, found.fits["pooled"].exponential.k.value
    law = named(found.laws, found.settings.fill)
    impact, numbers = impact_part(found)
    return TEMPLATE.format(
        instrument=recording.instrument,
        day=recording.day,
        source=recording.source,
        lifetime=lifetime,
        **price_part(found),
        fill_words=words.fill(found, law),
        law_words=words.laws(found, law),
        impact_words=words.impact(found),
        max_depth=found.max_depth,
        command=command,
        fill=law.name,
        impact=impact,
        rate=law.rate.value,
        fill_numbers=_listed({name: one.value for name, one in law.parameters.items()}),
        impact_line=f"  impact: {{{_listed(numbers)}}}\n" if numbers else "",
        horizon=STEPS * lifetime,
        steps=STEPS,
        quoted=AWAY if words.keeps_away(found) else QUOTED,
        reach=(AWAY if words.keeps_away(found) else QUOTED) / k,
        phi=rate / (16.0 * math.e * k),
        mid=found.mid,
    )


def price_part(found: Calibration) -> dict[str, str]:
    """What the mid's law is, in the header, in the defaults and as a part of the market."""
    kind, over = found.settings.price, f"over {found.settings.sampling:g} s"
    if kind == "jumps" and (one := found.jumps):
        words = f"# sigma {one.sigma} without jumps; told one by one {over}: {len(one.found)}, {one.rate} a second"
        words += f"\n#   their root mean square is {one.size:.4g}; up and down are taken as equally likely"
        return _priced(words, "merton", JUMPS.format(sigma=one.sigma.value, rate=one.rate.value, size=one.size))
    if kind == "regimes" and (one := found.regimes):
        (calm, turbulent), (out, back) = one.sigma, one.rate
        words = f"# sigma {calm} in calm, {turbulent} in turbulence, of the mid's moves {over}"
        words += f"\n#   calm ends at rate {out} a second, turbulence at {back}"
        words += f"\n#   2 ln(L / L of one regime) = {one.likelihood_ratio:.4g}"
        ratio = turbulent.value / calm.value
        return _priced(words, "regimes", REGIMES.format(sigma=calm.value, ratio=ratio, out=out.value, back=back.value))
    lifetime, sigma = found.settings.lifetime, found.sigma.sigma
    words = f"# sigma {sigma} from the mid's moves over {lifetime:g} s, from the first line on; jumps come on top of it"
    return _priced(words, "brownian", f"price: {{sigma: {sigma.value:.4g}}}")


def _priced(words: str, default: str, part: str) -> dict[str, str]:
    return {"price_words": words, "price_default": default, "price_part": part.rstrip()}


def impact_part(found: Calibration) -> tuple[str, dict[str, float]]:
    """The name in conf/impact of what was measured, and its parameters."""
    one = found.adverse
    if one is None or not one.found:
        return "none", {}
    return "by_depth", {"base": one.base.value, "slope": one.slope.value, "bend": one.bend.value, "reach": one.reach}


def _listed(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name}: {value:.4g}" for name, value in numbers.items())


def config_path(group: str, name: str) -> Path:
    """Where the YAML goes: a path ending in .yaml as it is, a name into ./conf/GROUP.

    Raises: ValueError for what is neither a name nor such a path.
    """
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    if not re.fullmatch(r"\w+", name):
        raise ValueError(f"to must be a name (letters, digits, _) or a path ending in .yaml, got {name!r}")
    return written_to("to", group, name)


def market_path(to: str | None, instrument: str = "", day: str = "", suffix: str = "") -> Path:
    """`config_path` of a market; without a name INSTRUMENT_DAY, or INSTRUMENT and the suffix."""
    name = re.sub(r"\W+", "_", f"{instrument}_{day.replace('-', '')}".rstrip("_") + suffix).lower()
    return config_path("market", name if to is None else str(to))


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file unless told to. Raises: ValueError."""
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists: give another to=NAME, or overwrite=true")
    if path.parent.parent != user_conf() and not path.parent.is_dir():
        raise ValueError(f"to must lie in a folder that exists, got {path}")
