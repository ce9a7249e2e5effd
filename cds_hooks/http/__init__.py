"""HTTP: routes, limits, problems. Translates between requests and use cases; decides nothing."""
