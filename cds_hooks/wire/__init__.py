"""CDS Hooks on the wire: frozen values for what is read and written. No IO, no decisions."""
