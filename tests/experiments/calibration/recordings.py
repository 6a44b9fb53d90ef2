"""Small random recordings, in memory."""

import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.config.markets import build
from experiments.config.search_path import CONF
from mm_env.data.recording import SECOND, Quotes, Recording, market_orders


def random_recording(seed, seconds=60, cuts=()):
    """Quotes about three times a second around a walking mid on a tick of a cent, and orders near them."""
    random = np.random.default_rng(seed)
    n = 3 * seconds
    time = np.sort(random.integers(0, seconds * SECOND, n))
    time[0] = 0
    mid = 10_000 + np.cumsum(random.integers(-2, 3, n))
    bid, ask = mid - random.integers(1, 4, n), mid + random.integers(0, 4, n)
    quotes = Quotes(time, bid, ask, random.integers(1, 9, n) * 1.0, random.integers(1, 9, n) * 1.0)
    stamps = np.sort(random.integers(0, seconds * SECOND, n))
    stamps[:5] = np.arange(5) * SECOND  # some at the very start of a second
    stamps.sort()
    side = random.choice([-1, 1], n)
    price = 10_000 + random.integers(-60, 60, n)
    orders = market_orders(stamps, side, random.integers(1, 9, n) * 1.0, price)
    return Recording("X", "2012-06-21", "test", 0.01, seconds * SECOND, quotes, orders, cuts=np.array(cuts, np.int64))


def mid_at(recording, time):
    """The mid in price units, by walking through the quotes."""
    quotes, found = recording.quotes, 0
    for i, stamp in enumerate(quotes.time):
        if stamp <= time:
            found = i
    return (quotes.bid[found] + quotes.ask[found]) / 2 * recording.tick


def build_yaml(text):
    """The market of a YAML for conf/market, its parts put in by hand."""
    config = OmegaConf.create(text)
    assert isinstance(config, DictConfig)
    for part in config.pop("defaults")[:-1]:
        ((place, name),) = part.items()
        group, package = place.lstrip("/").split("@")
        whole = OmegaConf.load(CONF / group / f"{name}.yaml")
        OmegaConf.update(config, package, OmegaConf.merge(whole, OmegaConf.select(config, package) or {}))
    return build(config)
