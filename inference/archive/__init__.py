"""Where images are kept: adapters of ``ImageArchive``."""
