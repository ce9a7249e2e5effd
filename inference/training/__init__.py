"""Making releases: readers, splits, teachers, loops, export. Serving imports none of it."""
