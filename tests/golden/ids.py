"""What each version of a registered id means: parameters, spaces, and the bits that some steps bring.

`python -m tests.golden.ids` adds ids that the file has not yet, and never changes one that it has: an id means one market for
ever. What would change is registered as the next version, beside the old one.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from mm_env.core.settings import settings_of
from mm_env.envs.manual.text import KNOWN
from mm_env.markets import market_named

FILE, BITS = Path(__file__).with_name("ids.json"), Path(__file__).with_name("golden.json")


def meaning(name: str) -> dict[str, Any]:
    """What the id means by the code of today, and by the golden bits of its market."""
    market = market_named(KNOWN[name])
    seen = market.observation_space
    return {
        "bits": _bits(KNOWN[name]),
        "observations": [f"{n} {low:g} {high:g}" for n, low, high in zip(market.observation_names, seen.low, seen.high)],
        "actions": repr(market.action_space),
        "settings": settings_of(market),
    }  # fmt: skip


def _bits(market: str) -> str:
    golden = json.loads(BITS.read_text(encoding="utf-8"))[market]
    told = " ".join(golden[what] for what in ("observations", "rewards", "states"))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def changes(name: str, held: dict[str, Any]) -> list[str]:
    """What of the id differs from what is held, in words; of parameters that came later the bits tell."""
    today = json.loads(json.dumps(meaning(name)))
    pairs = {**{key: (held[key], today[key]) for key in ("bits", "observations", "actions")}}
    for path, was in held["settings"].items():
        pairs[path] = (was, today["settings"].get(path))
    return [f"{name}: {what} was {was}, is {now}" for what, (was, now) in pairs.items() if not _same(was, now)]


def _same(was: Any, now: Any) -> bool:
    """Whether two values are the same; parameters that are computed may differ in the last bits from machine to machine."""
    if isinstance(was, float) and isinstance(now, float):
        return math.isclose(was, now, rel_tol=1e-13)
    return was == now


def held() -> dict[str, dict[str, Any]]:
    """Id -> what it means, as the file has it."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


if __name__ == "__main__":
    known = held()
    rows = {name: known.get(name) or meaning(name) for name in sorted(KNOWN)}
    FILE.write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n", encoding="utf-8"
    )
