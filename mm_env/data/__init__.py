"""Recorded markets: readers of exchanges' files, and the order book rebuilt and checked from their messages."""
