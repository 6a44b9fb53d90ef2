"""One module a paper or a topic; every module here is found by itself, and registers its suites."""
