"""The real samples give the figures that were measured from them before; skipped where they are not at hand."""

import numpy as np
import pytest

from experiments.calibration.calibration import Settings, calibrate
from experiments.calibration.fills import log_line
from experiments.calibration.reach import pooled, reaches
from mm_env.data import binance, lobster
from mm_env.markets import aapl, amzn
from tests.recordings import real

LOBSTER = "lobster/LOBSTER_SampleFile_{}_2012-06-21_{}.zip"
SPOT = ("binance/spot_btcusdt_20240808.gz", "binance/spot_btcusdt_20240809.gz")
HORIZONS = Settings(horizons=[1.0, 60.0])


@pytest.fixture(scope="module")
def amazon():
    return calibrate(lobster.read(real(LOBSTER.format("AMZN", 5))), HORIZONS)


@pytest.fixture(scope="module")
def apple():
    return calibrate(lobster.read(real(LOBSTER.format("AAPL", 1))), HORIZONS)


@pytest.fixture(scope="module")
def bitcoin():
    return binance.read([real(name) for name in SPOT])


def test_the_days_jumps_and_regimes_are_those_measured_before(amazon, apple):
    share, p = (0.0598, 0.1061), (0.0799, 3.44e-4)
    sigma, ratio = ((0.01590, 0.04248), (0.02679, 0.05723)), (165.41, 98.19)
    for i, found in enumerate((amazon, apple)):
        assert found.jumps.share.value == pytest.approx(share[i], abs=1e-4)
        assert found.jumps.p_value == pytest.approx(p[i], rel=0.01)
        assert [one.value for one in found.regimes.sigma] == pytest.approx(sigma[i], abs=2e-5)
        assert found.regimes.likelihood_ratio == pytest.approx(ratio[i], abs=0.02)
        assert found.regimes.at_best == 6
    calm, turbulent = amazon.regimes.orders
    assert turbulent.value - calm.value > 3.0 * np.hypot(calm.error, turbulent.error)  # more trade where it moves more
    first, *rest = amazon.daytime
    assert (len(rest), first.label) == (12, "0 to 30 min")
    assert first.sigma.value > max(one.sigma.value for one in rest)


def test_all_visible_messages_of_amzn_reproduce_the_next_row(amazon):
    counts, checks = amazon.recording.counts, amazon.recording.checks
    names = ("messages", "new", "partial", "delete", "execute", "hidden", "halt", "crossed rows", "one-sided rows")
    assert [counts[name] for name in names] == [155_935, 77_381, 450, 66_685, 8_974, 2_445, 0, 0, 0]
    assert checks["visible messages"] == 153_490
    assert checks["without a row before"] == 0
    assert checks["visible messages whose row differs"] == checks["other messages whose row differs"] == 0
    assert checks["rows where a level came into view"] == 33_840


def test_all_visible_messages_of_aapl_but_the_first_reproduce_the_next_row(apple):
    checks = apple.recording.checks
    assert (checks["visible messages"], checks["without a row before"]) == (107_165, 1)
    assert checks["visible messages whose row differs"] == checks["other messages whose row differs"] == 0


def test_volatility_and_spread(amazon, apple):
    assert [round(one.sigma.value, 4) for one in amazon.signature] == [0.0199, 0.0213]
    assert round(apple.sigma.sigma.value, 4) == 0.0353
    assert round(amazon.spread.mean.value, 3) == 0.128
    assert round(apple.spread.mean.value, 3) == 0.151


def test_market_orders_of_amzn(amazon):
    assert amazon.orders.count == 6_591
    assert round(100 * amazon.orders.walking.value, 1) == 4.5


def test_what_quotes_of_a_second_would_have_got(amazon, apple):
    ours, theirs = amazon.fits["pooled"].exponential, apple.fits["pooled"].exponential
    assert (round(ours.rate.value, 3), round(ours.k.value, 1)) == (0.081, 23.1)
    assert (round(theirs.rate.value, 3), round(theirs.k.value, 1)) == (0.185, 18.4)
    assert (
        round(amazon.fits["pooled"].line.r_squared, 2) == 0.98
    )  # of the least-squares line through all depths with fills
    near = pooled(list(reaches(amazon.recording, 1.0, max_depth=0.1)))
    assert round(log_line(near).r_squared, 2) == 0.97  # of that through the depths up to ten ticks


@pytest.mark.parametrize("name", ["amazon", "apple"])
def test_the_shipped_markets_are_these(request, name):
    found, market = request.getfixturevalue(name), {"amazon": amzn, "apple": aapl}[name]()
    decay = found.fits["pooled"].exponential
    assert found.sigma.sigma.value == pytest.approx(market.price.sigma, abs=5e-5)
    assert decay.rate.value == pytest.approx(market.venue.flow.bid.rate, abs=5e-4)
    assert decay.k.value == pytest.approx(market.venue.fill.bid.k, abs=0.05)


def test_no_power_law_beats_the_exponential_in_amzn_and_one_exponential_is_no_hawkes_kernel(amazon):
    assert amazon.fits["pooled"].power_law.curvature.value == 0.0
    assert amazon.hawkes["all orders, 1 exponential"].p_value < 1e-10


def test_bitcoin(bitcoin):
    quotes, checks = bitcoin.quotes, bitcoin.checks
    held = np.diff(np.r_[quotes.time, bitcoin.length])
    assert round(len(bitcoin.orders.time) / (bitcoin.length / 1e9), 1) == 11.0
    assert round(100 * np.average(quotes.ask - quotes.bid == 1, weights=held), 1) == 99.3
    assert checks["rebuilt books"] > 6_000
    assert 1.0 - checks["best prices that differ"] / checks["rebuilt books"] > 0.999
    assert checks["breaks in the sequence"] == checks["differences without a book"] == 0


def test_futures():
    day = binance.read(real("binance/usdm_btcusdt_20240808.gz"))
    assert day.tick == pytest.approx(0.1)
    assert day.checks["rebuilt books"] > 6_000
    assert day.checks["best prices or sizes that differ"] == day.checks["breaks in the sequence"] == 0
