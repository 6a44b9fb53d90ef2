"""From a recorded market to the parameters of a simulated one, with standard errors and goodness of fit."""
