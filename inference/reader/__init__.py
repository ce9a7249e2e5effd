"""From a file's bytes to a reading, in a process of its own: the adapter of ``ImageReader``."""
