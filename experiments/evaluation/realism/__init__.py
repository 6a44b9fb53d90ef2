"""How far a simulated order book is from a recorded day."""
