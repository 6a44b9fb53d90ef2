"""The version history of every registered id.

An id means one market for ever: parameters, spaces, order of events and law. What would change any of it gets the next number,
registered beside the old id, and a line here; so does a version that draws otherwise by the same law. `tests/golden/ids.json`
holds what each version means.
"""

from __future__ import annotations

_FIRST = {  # version of mm_env -> the ids whose v0 it brought
    "0.1.0": "AvellanedaStoikov CarteaJaimungal AdverseSelection GLFT AMZN AAPL AMZNErgodic",
    "0.3.0": "ContStoikovTalreja SmallBook ZeroIntelligence QueueReactive Hawkes AMZNBook",
    "0.7.0": "Heston Bates Jumps Regimes Overnight Crisis Solvency CVaR",
    "0.8.0": "Hedged Stressed TwoBonds EURUSD TwentyBonds",
    "0.9.0": "Collateral Channel RebalancedChannel Pool PoolFee OptionsDesk WrittenCall",
    "0.10.0": "TwoHedges PoolLadder PoolFeeOrders Duopoly Cascade BondsDuopoly BookDuopoly",
    "0.11.0": "SmallHawkes SmallQueueReactive AMZNReactive",
}
_OTHER_DRAWS = {"mm_env/Hedged-v0": "0.11.0", "mm_env/TwoHedges-v0": "0.11.0"}  # since then, by the same law
HISTORY: dict[str, tuple[str, ...]] = {
    f"mm_env/{name}-v0": (f"v0: the first, since mm_env {version}.",)
    for version, names in _FIRST.items()
    for name in names.split()
}
for _id, _version in _OTHER_DRAWS.items():
    HISTORY[_id] += (f"v0, since mm_env {_version}: other draws of the same law.",)
