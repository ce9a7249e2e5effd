"""Adapters of `inference.ports.ModelRuntime`, one a file."""
