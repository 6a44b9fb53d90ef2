"""Messages of simulated order books, as an exchange would publish them."""

from mm_env.messages.queues import messages_of
from mm_env.messages.record import record

__all__ = ["messages_of", "record"]
