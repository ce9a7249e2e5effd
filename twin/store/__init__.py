"""Adapters of ``TwinStore`` and of the emulator's file; they know ports and core only."""
