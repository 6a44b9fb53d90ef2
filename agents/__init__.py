"""Agents: closed-form strategies, the exact evaluation of any tabulated policy, and reinforcement learners.

The learners (`agents.learner`, `agents.sb3`) import torch, which takes seconds: import them where they are used.
"""

from agents.avellaneda_stoikov import AvellanedaStoikov, AvellanedaStoikovStationary, AvellanedaStoikovSymmetric
from agents.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.exact import best_fixed, best_linear_skew
from agents.fixed import FixedSymmetric, LinearSkew
from agents.glft import GLFT, GLFTAsymptotic
from agents.policy import Policy, RandomPolicy, Strategy, StrategyPolicy
from agents.touch import AtTouch, ImbalanceSkew
from agents.tuning import tuned

__all__ = [
    "GLFT", "AtTouch", "AvellanedaStoikov", "AvellanedaStoikovStationary", "AvellanedaStoikovSymmetric",
    "CarteaJaimungal", "CarteaJaimungalStationary", "FixedSymmetric", "GLFTAsymptotic", "ImbalanceSkew", "LinearSkew",
    "Policy", "RandomPolicy", "Strategy", "StrategyPolicy", "best_fixed", "best_linear_skew", "tuned",
]  # fmt: skip
