"""From the folders that runs left to one page: experiments.report is its main."""
