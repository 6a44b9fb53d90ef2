"""Fire sales: the greatest equilibrium by three ways, monotone, bounded; spread over steps; overlap; first round; mistakes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import EvenLiquidations, LeverageTarget, LinearSaleImpact, MarginCalls, SquareRootSaleImpact
from mm_env.systemic.deleveraging import Marked
from mm_env.systemic.fire_sale import Holders, _asked, _from_above, equilibrium, unfold
from mm_env.systemic.vulnerability import vulnerability

FEW = settings(max_examples=60, deadline=None)
RULES = st.one_of(
    st.builds(MarginCalls, st.floats(0.02, 0.4), st.sampled_from([0.0, 0.03]), st.sampled_from([0.0, 0.5])),
    st.builds(LeverageTarget, st.sampled_from([0.0, 0.2])),
    st.builds(EvenLiquidations, st.floats(0.0, 0.8), st.floats(0.85, 1.0)),
)
IMPACTS = st.one_of(
    st.builds(LinearSaleImpact, st.lists(st.floats(0.0, 2.0), min_size=1, max_size=1)),
    st.builds(SquareRootSaleImpact, st.lists(st.floats(0.0, 4.0), min_size=1, max_size=1)),
)


@st.composite
def held(draw, assets=None):
    """Holders of one to three assets at 100, leverage up to 15, and shocked prices in four scenarios."""
    n, k = draw(st.integers(1, 5)), assets or draw(st.integers(1, 3))
    units = np.array(draw(st.lists(st.floats(0.0, 10.0), min_size=n * k, max_size=n * k))).reshape(n, k) + 0.1
    leverage = np.array(draw(st.lists(st.floats(1.0, 15.0), min_size=n, max_size=n)))
    falls = np.array(draw(st.lists(st.floats(0.0, 0.3), min_size=4 * k, max_size=4 * k))).reshape(4, k)
    prices = np.full(k, 100.0)
    return Holders.of(units, units @ prices * (1.0 - 1.0 / leverage), prices), prices * (1.0 - falls)


def is_fixed(holders, shocked, rule, impact, prices, within):
    units = _asked(holders, prices, rule) @ holders.units
    return np.maximum(shocked - impact.fall(units), 0.0) == pytest.approx(prices, abs=within)


@FEW
@given(held(), RULES, IMPACTS)
def test_it_is_a_fixed_point_that_selling_comes_to_from_above(case, rule, impact):
    holders, shocked = case
    found = equilibrium(holders, shocked, rule, impact)
    assert (found.prices <= shocked + 1e-9).all()
    assert (found.prices >= 0.0).all()
    assert (found.sold >= 0.0).all()
    assert (found.sold <= 1.0).all()
    assert found.prices == pytest.approx(_from_above(holders, shocked, rule, impact), abs=2e-6)
    assert found.equity == pytest.approx(found.prices @ holders.units.T - holders.debt)


@FEW
@given(held(1), RULES, IMPACTS)
def test_no_price_above_it_is_an_equilibrium(case, rule, impact):
    """Brute force on a grid: just above the greatest equilibrium sellers always bring the price down further."""
    holders, shocked = case
    for start, price in zip(shocked[:, 0], equilibrium(holders, shocked, rule, impact).prices[:, 0], strict=True):
        grid = np.linspace(price, start, 2001)[1:, None]
        if start - price < 1e-3:
            continue
        grid = grid[grid[:, 0] > price + 1e-4 * (start - price) + 1e-4]
        units = _asked(holders, grid, rule) @ holders.units
        assert (np.maximum(start - impact.fall(units), 0.0) < grid + 1e-9).all()


@FEW
@given(held(1), RULES, st.builds(LinearSaleImpact, st.lists(st.floats(0.0, 2.0), min_size=1, max_size=1)))
def test_breakpoints_and_rounds_find_the_same_price(case, rule, impact):
    holders, shocked = case
    by_rounds = _from_above(holders, shocked, rule, impact)
    prices = equilibrium(holders, shocked, rule, impact).prices
    assert prices == pytest.approx(by_rounds, abs=2e-6)
    several = Holders(np.broadcast_to(holders.units, (4, *holders.units.shape)), holders.debt, holders.prices)
    assert equilibrium(several, shocked, rule, impact).prices == pytest.approx(by_rounds, abs=1e-9)


@FEW
@given(held(), RULES, IMPACTS, st.floats(0.0, 0.2))
def test_prices_fall_with_the_shock_and_sales_rise(case, rule, impact, more):
    holders, shocked = case
    mild, severe = (equilibrium(holders, start, rule, impact) for start in (shocked, shocked * (1.0 - more)))
    assert (severe.prices <= mild.prices + 1e-6).all()
    assert (severe.sold >= mild.sold - 1e-6).all()


@FEW
@given(held(), IMPACTS)
def test_who_has_no_debt_sells_nothing(case, impact):
    holders, shocked = case
    unlevered = Holders.of(holders.units, 0.0 * holders.debt, holders.prices)
    for rule in (MarginCalls(0.2), MarginCalls(0.9, 0.1, 0.0), LeverageTarget()):
        found = equilibrium(unlevered, shocked, rule, impact)
        assert found.prices == pytest.approx(shocked)
        assert not found.sold.any()


@FEW
@given(held(), RULES, IMPACTS, st.integers(1, 12))
def test_spread_over_steps_no_price_falls_below_the_equilibrium(case, rule, impact, steps):
    holders, shocked = case
    path, found = unfold(holders, shocked, rule, impact, steps)
    assert path.shape == (steps + 1, *shocked.shape)
    assert (np.diff(path, axis=0) <= 0.0).all()
    assert (path[-1] >= equilibrium(holders, shocked, rule, impact).prices - 1e-6).all()
    assert (found.prices == path[-1]).all()
    bought = (found.sold[..., None] * holders.units).sum(axis=-2)
    assert np.maximum(shocked - impact.fall(bought), 0.0) == pytest.approx(path[-1], abs=1e-9)


def test_a_margin_call_is_met_by_what_is_sold():
    """100 units at 100 with a debt of 9,000: after a fall to 94 equity is 400 of 9,400; a margin of 10 % wants 4,000 held."""
    rule, free = MarginCalls(0.1), LinearSaleImpact([0.0])
    found = equilibrium(Holders.of([[100.0]], [9_000.0], [100.0]), [94.0], rule, free)
    assert found.sold[0] == pytest.approx(1.0 - 4_000.0 / 9_400.0)
    left = 9_400.0 * (1.0 - found.sold[0])
    assert found.equity[0] / left == pytest.approx(0.1)
    buffered = equilibrium(Holders.of([[100.0]], [9_000.0], [100.0]), [94.0], MarginCalls(0.1, 0.06), free)
    assert 400.0 / (9_400.0 * (1.0 - buffered.sold[0])) == pytest.approx(0.16)


def test_margins_that_rise_as_prices_fall_make_it_worse():
    holders, shock = Holders.of(np.full((3, 1), 10.0), [800.0, 700.0, 850.0], [100.0]), [92.0]
    calm, rising = (equilibrium(holders, shock, MarginCalls(0.1, 0.0, p), LinearSaleImpact([0.2])) for p in (0.0, 1.0))
    assert rising.prices[0] < calm.prices[0] - 1.0


def test_a_leverage_target_is_reached_and_debt_repaid_by_the_sale():
    holders = Holders.of([[10.0, 0.0], [5.0, 5.0]], [600.0, 900.0], [100.0, 100.0])
    found = equilibrium(holders, [95.0, 100.0], LeverageTarget(), LinearSaleImpact([0.1]))
    kept = (1.0 - found.sold) * (found.prices @ holders.units.T)
    assert kept / found.equity == pytest.approx(holders.leverage)


def test_liquidation_prices_that_lie_evenly():
    holders = Holders.of([[50.0]], [0.0], [100.0])
    rule = EvenLiquidations(0.5)
    assert equilibrium(holders, [95.0], rule, LinearSaleImpact([0.5])).prices[0] == pytest.approx(90.0, rel=1e-14)
    assert equilibrium(
        holders, [[95.0], [80.0], [60.0]], rule, LinearSaleImpact([0.5])
    ).prices.ravel() == pytest.approx([90.0, 60.0, 35.0])
    path, _ = unfold(holders, [95.0], rule, LinearSaleImpact([0.5]), 60)
    assert path[:4, 0] == pytest.approx([95.0, 92.5, 91.25, 90.625])
    assert path[-1, 0] == pytest.approx(90.0)
    square = equilibrium(holders, [95.0], rule, SquareRootSaleImpact([1.0])).prices[0]  # 95 - p = sqrt(100 - p)
    assert square == pytest.approx(100.0 - (0.5 + np.sqrt(0.25 + 5.0)) ** 2, abs=1e-9)


def test_of_several_equilibria_the_greatest_is_taken():
    """10 units sold all at once below 90, which move the price by 2 each: at 95 nobody sells, at 75 all are sold."""
    holders = Holders.of([[10.0]], [810.0], [100.0])
    rule, impact = MarginCalls(0.1, 0.9), LinearSaleImpact([2.0])
    assert equilibrium(holders, [[95.0], [89.0]], rule, impact).prices[0] == pytest.approx([95.0])
    low = equilibrium(holders, [89.0], rule, impact)
    assert low.sold[0] > 0.5
    assert is_fixed(holders, np.array([89.0]), rule, impact, low.prices, 1e-9)


def test_the_first_round_in_closed_form_is_what_small_shocks_do():
    """Greenwood, Landier & Thesmar's formula is the derivative of the first step of sales, holder by holder."""
    random = np.random.default_rng(3)
    units, prices = random.uniform(0.0, 10.0, (4, 3)), np.array([50.0, 100.0, 20.0])
    holders = Holders.of(units, units @ prices * np.array([0.5, 0.8, 0.0, 0.9]), prices)
    impact, fall = LinearSaleImpact([0.01, 0.02, 0.005]), np.array([1.0, 0.5, 0.0])
    equity, errors = holders.assets - holders.debt, []
    for size in (1e-3, 5e-4):
        closed = vulnerability(holders, size * fall, impact)
        path, _ = unfold(holders, prices * (1.0 - size * fall), LeverageTarget(), impact, 1)
        lost = units @ (path[0] - path[1])
        assert closed.losses.sum(axis=0) == pytest.approx(lost, rel=20.0 * size)
        errors.append(np.abs(closed.losses.sum(axis=0) - lost).max() / size)
    assert errors[1] == pytest.approx(0.5 * errors[0], rel=0.05)  # the next term is of second order
    assert closed.aggregate == pytest.approx(closed.systemicness.sum())
    assert closed.aggregate == pytest.approx(closed.vulnerability @ equity / equity.sum())
    assert not closed.losses[2].any()  # who has no debt sells nothing


def test_scenarios_do_not_know_of_each_other():
    random = np.random.default_rng(4)
    units = random.uniform(0.0, 5.0, (20, 4, 3))
    debt, prices = units.sum(axis=-1) * 100.0 * 0.85, np.full(3, 100.0)
    shocked = 100.0 * random.uniform(0.8, 1.0, (20, 3))
    rule, impact = MarginCalls(0.1), SquareRootSaleImpact([1.0, 2.0, 0.5])
    together = equilibrium(Holders.of(units, debt, prices), shocked, rule, impact)
    for i in range(20):
        alone = equilibrium(Holders.of(units[i], debt[i], prices), shocked[i], rule, impact)
        assert together.prices[i] == pytest.approx(alone.prices, rel=1e-14)
        assert together.sold[i] == pytest.approx(alone.sold, rel=1e-10, abs=1e-12)


def test_a_rule_asks_for_more_the_less_assets_are_worth():
    worth = np.linspace(0.3, 1.0, 50)
    for rule in (MarginCalls(0.1), MarginCalls(0.1, 0.05, 0.4), LeverageTarget(0.1), EvenLiquidations(0.4)):
        now = Marked(1000.0 * worth, np.full(50, 800.0), np.ones(50), worth, np.full(50, 5.0))
        assert (np.diff(rule.sold(now)) <= 1e-12).all()


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Holders.of([[1.0]], [100.0], [100.0]), "debt must be below what the assets are worth, got equity 0"),
    (lambda: Holders.of([[1.0, 2.0]], [1.0], [100.0]), "units must be"),
    (lambda: Holders.of([[-1.0]], [0.0], [100.0]), "units must be finite and >= 0, got -1"),
    (lambda: EvenLiquidations(1.0, 1.0), "EvenLiquidations.low must be < high, got 1 and 1"),
    (lambda: MarginCalls(0.0), "MarginCalls.margin must be"),
    (lambda: equilibrium(Holders.of([[1.0, 1.0]], [0.0], [1.0, 1.0]), [1.0], MarginCalls(0.1), LinearSaleImpact([1.0])),
     "shocked must be prices"),
    (lambda: equilibrium(Holders.of([[1.0]], [0.0], [1.0]), [1.0], MarginCalls(0.1), LinearSaleImpact([1.0, 2.0])),
     "LinearSaleImpact.slope must have one number, or one for each of 1 assets, got 2"),
    (lambda: vulnerability(Holders.of([[1.0]], [0.0], [1.0]), [0.1], SquareRootSaleImpact([1.0])), "impact must be linear"),
    (lambda: vulnerability(Holders.of([[1.0]], [0.0], [1.0]), [1.5], LinearSaleImpact([1.0])), "shock must be a share"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()
