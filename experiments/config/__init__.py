"""From a Hydra config to markets, policies and learners; the config goes no further than this folder."""

from experiments.config.resolvers import register_resolvers

register_resolvers()  # a worker that unpickles a main imports this package before it composes the main's config
