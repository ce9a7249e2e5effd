"""Making releases: readers, splits, augmentation, teachers, loops, export. Serving imports none of it."""
