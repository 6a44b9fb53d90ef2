"""A margin by which a liquidation of collateral ends the episode."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import rule
from mm_env.margin import Standing
from mm_env.margins import Liquidation
from mm_env.world import Now


class LiquidationStop(Liquidation):
    """The account holds until collateral is liquidated; then it is closed, the loan settled at its marks."""

    watches: ClassVar[tuple[str, ...]] = ()

    def check(self, market: Any) -> None:
        if not market.financing.names:
            raise ValueError(
                f"LiquidationStop needs a loan against collateral (Market.financing), got {market.financing}"
            )
        super().check(market)

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return now.world.financing.tally.liquidations == 0.0
