"""The manual of an environment: what is seen, set, rewarded and ended, with units, and its version history."""

from mm_env.envs.manual.text import Manual, manual

__all__ = ["Manual", "manual"]
