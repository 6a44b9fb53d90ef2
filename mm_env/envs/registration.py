"""The ids that `gymnasium.make` and `gymnasium.make_vec` know.

They know them once `mm_env` is imported, which gymnasium does itself for `gymnasium.make("mm_env:mm_env/AMZN-v0")`; packages
cannot announce their ids to it otherwise (its entry points for that went with version 1.0).
"""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

IDS = {
    "mm_env/AvellanedaStoikov-v0": "avellaneda_stoikov",
    "mm_env/CarteaJaimungal-v0": "cartea_jaimungal",
    "mm_env/AdverseSelection-v0": "adverse_selection",
    "mm_env/Hedged-v0": "hedged",
    "mm_env/TwoHedges-v0": "two_hedges",
    "mm_env/Collateral-v0": "collateral",
    "mm_env/Solvency-v0": "solvency",
    "mm_env/CVaR-v0": "cvar",
    "mm_env/GLFT-v0": "glft",
    "mm_env/Heston-v0": "heston",
    "mm_env/Bates-v0": "bates",
    "mm_env/Jumps-v0": "jumps",
    "mm_env/Regimes-v0": "regimes",
    "mm_env/Overnight-v0": "overnight",
    "mm_env/Crisis-v0": "crisis",
    "mm_env/Stressed-v0": "stressed",
    "mm_env/AMZN-v0": "amzn",
    "mm_env/AAPL-v0": "aapl",
    "mm_env/AMZNErgodic-v0": "amzn_ergodic",
    "mm_env/ContStoikovTalreja-v0": "cont_stoikov_talreja",
    "mm_env/SmallBook-v0": "small_book",
    "mm_env/SmallHawkes-v0": "small_hawkes",
    "mm_env/SmallQueueReactive-v0": "small_queue_reactive",
    "mm_env/ZeroIntelligence-v0": "zero_intelligence",
    "mm_env/QueueReactive-v0": "queue_reactive",
    "mm_env/Hawkes-v0": "hawkes",
    "mm_env/AMZNBook-v0": "amzn_book",
    "mm_env/AMZNReactive-v0": "amzn_reactive",
    "mm_env/Channel-v0": "channel",
    "mm_env/RebalancedChannel-v0": "rebalanced_channel",
    "mm_env/Pool-v0": "pool",
    "mm_env/PoolFee-v0": "pool_fee",
    "mm_env/PoolFeeOrders-v0": "pool_fee_orders",
    "mm_env/PoolLadder-v0": "pool_ladder",
}

DESK_IDS = {
    "mm_env/TwoBonds-v0": "two_bonds",
    "mm_env/EURUSD-v0": "eurusd",
    "mm_env/TwentyBonds-v0": "twenty_bonds",
    "mm_env/OptionsDesk-v0": "options_desk",
    "mm_env/WrittenCall-v0": "written_call",
}

WORLD_IDS = {  # of several makers: a lane each, so that only `make_vec` knows them
    "mm_env/Duopoly-v0": "duopoly",
    "mm_env/Cascade-v0": "cascade",
    "mm_env/BondsDuopoly-v0": "bonds_duopoly",
    "mm_env/BookDuopoly-v0": "book_duopoly",
}


def register_all() -> None:
    """Register every id once; `market=...` in `make` puts another market in its place."""
    for name, market in (IDS | DESK_IDS).items():
        if name not in registry:
            register(
                id=name,
                entry_point="mm_env.envs.gym:MarketMakingEnv",
                vector_entry_point="mm_env.envs.gym:MarketMakingVectorEnv",
                kwargs={"market": market},
            )
    for name, market in WORLD_IDS.items():
        if name not in registry:
            register(id=name, vector_entry_point="mm_env.envs.gym:MarketMakingVectorEnv", kwargs={"market": market})
