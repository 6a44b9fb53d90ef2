"""Options as QuantLib prices them: its own formulas and engines, under flat rates."""

from math import exp

import QuantLib as ql

TODAY = ql.Date(1, 1, 2020)
DAYS = ql.Actual365Fixed()


def european(side, spot, strike, time_left, sigma, rate, dividend):
    """Price, delta, gamma, vega and theta by Black & Scholes."""
    forward, discount = spot * exp((rate - dividend) * time_left), exp(-rate * time_left)
    payoff = ql.PlainVanillaPayoff(_kind(side), strike)
    found = ql.BlackCalculator(payoff, forward, sigma * time_left**0.5, discount)
    greeks = found.delta(spot), found.gamma(spot), found.vega(time_left), found.theta(spot, time_left)
    return (found.value(), *greeks)


def bachelier(side, spot, strike, time_left, sigma):
    """Price and delta of an option on a price that moves in price units."""
    deviation = sigma * time_left**0.5
    price = ql.bachelierBlackFormula(_kind(side), strike, spot, deviation)
    return price, side * ql.bachelierBlackFormulaAssetItmProbability(_kind(side), strike, spot, deviation)


def heston(law, side, spot, strike, days, v, rate, dividend):
    """The price by integration to 1e-13."""
    process = ql.HestonProcess(_flat(rate), _flat(dividend), _quote(spot), v, law.kappa, law.theta, law.vol, law.rho)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(_kind(side), strike), ql.EuropeanExercise(TODAY + days))
    return _price(option, ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-13, 20_000))


def floating_lookback(side, spot, extreme, days, sigma, rate, dividend):
    option = ql.ContinuousFloatingLookbackOption(
        extreme, ql.FloatingTypePayoff(_kind(side)), ql.EuropeanExercise(TODAY + days)
    )
    return _price(option, ql.AnalyticContinuousFloatingLookbackEngine(_process(spot, sigma, rate, dividend)))


def fixed_lookback(side, spot, strike, extreme, days, sigma, rate, dividend):
    payoff = ql.PlainVanillaPayoff(_kind(side), strike)
    option = ql.ContinuousFixedLookbackOption(extreme, payoff, ql.EuropeanExercise(TODAY + days))
    return _price(option, ql.AnalyticContinuousFixedLookbackEngine(_process(spot, sigma, rate, dividend)))


def _price(option, engine):
    ql.Settings.instance().evaluationDate = TODAY
    option.setPricingEngine(engine)
    return option.NPV()


def _process(spot, sigma, rate, dividend):
    volatility = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), sigma, DAYS))
    return ql.BlackScholesMertonProcess(_quote(spot), _flat(dividend), _flat(rate), volatility)


def _kind(side):
    return ql.Option.Call if side > 0 else ql.Option.Put


def _flat(rate):
    return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, DAYS))


def _quote(value):
    return ql.QuoteHandle(ql.SimpleQuote(value))
