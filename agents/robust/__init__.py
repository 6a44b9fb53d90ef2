"""Robust market making: the adversary that sets the market, best responses, worst cases, the robust optimum, self-play."""
