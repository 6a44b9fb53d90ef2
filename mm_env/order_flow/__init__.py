"""How others' orders come to an order book: rates by distance, queue size and history."""
