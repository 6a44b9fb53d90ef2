"""Modules by the names they had before version 0.6: they are found for one version more, with a DeprecationWarning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "mm_env.order_flow": "mm_env.venue.order_book",
    "mm_env.component": "mm_env.core.component",
    "mm_env.parameters": "mm_env.core.parameters",
    "mm_env.maths": "mm_env.core.maths",
    "mm_env.noise": "mm_env.core.noise",
    "mm_env.engine": "mm_env.core.engine",
    "mm_env.engine_numba": "mm_env.core.engine_numba",
    "mm_env.kernel": "mm_env.core.kernel",
    "mm_env.code_identity": "mm_env.core.code_identity",
    "mm_env.cache": "mm_env.core.cache",
    "mm_env.cores": "mm_env.core.cores",
    "mm_env.alpha": "mm_env.price.short_term_alpha",
    "mm_env.law": "mm_env.price.law",
    "mm_env.trial": "mm_env.price.trial",
    "mm_env.fill": "mm_env.venue.dealer.fill",
    "mm_env.flow": "mm_env.venue.dealer.flow",
    "mm_env.impact": "mm_env.venue.dealer.impact",
    "mm_env.venue.book": "mm_env.venue.order_book.book",
    "mm_env.venue.book_kernel": "mm_env.venue.order_book.book_kernel",
    "mm_env.venue.events": "mm_env.venue.order_book.events",
    "mm_env.venue.ladder": "mm_env.venue.order_book.ladder",
    "mm_env.order_flow.flow": "mm_env.venue.order_book.order_flow",
    "mm_env.order_flow.hawkes": "mm_env.venue.order_book.hawkes",
    "mm_env.order_flow.poisson": "mm_env.venue.order_book.poisson",
    "mm_env.order_flow.published": "mm_env.venue.order_book.published",
    "mm_env.order_flow.queue_reactive": "mm_env.venue.order_book.queue_reactive",
    "mm_env.order_flow.size": "mm_env.venue.order_book.size",
    "mm_env.hawkes_law": "mm_env.venue.order_book.hawkes_law",
    "mm_env.birth_death": "mm_env.venue.order_book.birth_death",
    "mm_env.venue.tape": "mm_env.venue.replay.tape",
    "mm_env.venue.window": "mm_env.venue.replay.window",
    "mm_env.venue.position": "mm_env.venue.replay.position",
    "mm_env.env": "mm_env.envs.gym",
    "mm_env.env_inputs": "mm_env.envs.inputs",
    "mm_env.registration": "mm_env.envs.registration",
    "mm_env.recorder": "mm_env.envs.recorder",
    "mm_env.render": "mm_env.envs.render",
    "mm_env.branches": "mm_env.resampled",
    "mm_env.account": "mm_env.portfolio",
    "agents.avellaneda_stoikov": "agents.strategies.avellaneda_stoikov",
    "agents.cartea_jaimungal": "agents.strategies.cartea_jaimungal",
    "agents.fixed": "agents.strategies.fixed",
    "agents.glft": "agents.strategies.glft",
    "agents.touch": "agents.strategies.touch",
    "agents.tuning": "agents.strategies.tuning",
    "agents.precision": "agents.strategies.precision",
    "agents.measured": "agents.strategies.estimated",
    "agents.outcomes": "agents.exact.outcomes",
    "agents.ascent": "agents.exact.quote_search",
    "agents.optimum": "agents.exact.optimum",
    "agents.sweep": "agents.exact.sweep",
    "agents.latent": "agents.exact.price_grid",
    "agents.nodes": "agents.exact.nodes",
    "agents.choices": "agents.exact.choices",
    "agents.stated": "agents.exact.stated",
    "agents.room": "agents.exact.room",
    "agents.small_book": "agents.exact.small_book",
    "agents.small_book_kernel": "agents.exact.small_book_kernel",
    "agents.book_states": "agents.exact.book_states",
    "agents.informed": "agents.exact.full_information",
    "agents.scenarios": "agents.exact.parameter_scenarios",
    "agents.stored": "agents.exact.optimum_cache",
    "agents.cont_stoikov_talreja": "agents.exact.cont_stoikov_talreja",
    "agents.sb3": "agents.learning.sb3",
    "agents.learner": "agents.learning.learner",
    "agents.clone": "agents.learning.clone",
    "agents.checkpoint": "agents.learning.checkpoint",
    "agents.numbers_only": "agents.learning.numbers_only",
    "agents.durable": "agents.learning.durable",
    "agents.saved": "agents.learning.saved",
    "agents.features": "agents.learning.features",
    "agents.dueling": "agents.learning.dueling",
    "agents.rollouts": "agents.learning.rollout_buffers",
    "agents.replay": "agents.learning.replay_buffers",
    "agents.game": "agents.robust.best_response",
    "agents.worst": "agents.robust.worst_case",
    "agents.maximin": "agents.robust.robust_optimum",
    "agents.duel": "agents.robust.self_play",
    "agents.adversary": "agents.robust.adversary",
}


class Moved(MetaPathFinder, Loader):
    """Finds a module by its old name, and gives the one that took its place."""

    def __init__(self) -> None:
        self.specs: dict[str, ModuleSpec | None] = {}  # by old name: a module's own spec, while importlib sets another

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        place = MOVED[spec.name]
        warnings.warn(
            f"{spec.name} is now {place}; the old name goes with version 0.7", DeprecationWarning, stacklevel=2
        )
        module = import_module(place)
        self.specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to execute: the module has been by its own name, which it keeps."""
        assert module.__spec__ is not None
        module.__spec__ = self.specs.pop(module.__spec__.name)


def find_moved() -> None:
    """Let old names be found, before any path is searched: a room may hold a file of the same name."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.insert(0, Moved())
