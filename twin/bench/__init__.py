"""How fast the twin is: its cases, and peers that do the same work, timed in one run."""
