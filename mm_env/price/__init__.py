"""Models of the mid-price, and the law of one step of them."""

from mm_env.price.models import (
    Binomial,
    Brownian,
    FromBook,
    Geometric,
    OrnsteinUhlenbeck,
    Price,
)

__all__ = ["Binomial", "Brownian", "FromBook", "Geometric", "OrnsteinUhlenbeck", "Price"]
