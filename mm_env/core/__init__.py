"""Components, parameters, noise and the engine that makes machine code of a market's rules."""
