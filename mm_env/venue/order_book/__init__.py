"""The limit order book with price-time priority, and the flows of others' orders to it."""
