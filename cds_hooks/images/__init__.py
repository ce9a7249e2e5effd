"""Where readings of ECGs and radiographs are kept: the adapters of ``ReadingStore``."""
