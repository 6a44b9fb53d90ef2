"""A person in the agent's seat: the game, who is asked beside it, its score, a page and a terminal to play it."""
