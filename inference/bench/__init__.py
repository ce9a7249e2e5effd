"""Speed of what ships, measured as it is served."""
