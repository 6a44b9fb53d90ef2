"""Systemic risk: claims between dealers and their clearing, fire sales of what they hold alike, and measures of both."""
