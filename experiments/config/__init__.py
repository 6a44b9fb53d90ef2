"""Markets, policies and learners built from Hydra configs; the config goes no further than this folder."""

from experiments.config.resolvers import register_resolvers

register_resolvers()  # a worker that unpickles a main imports this package before it composes the main's config
