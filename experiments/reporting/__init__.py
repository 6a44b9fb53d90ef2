"""Reports of runs, and the presenter of tables: experiments.report is its main."""
