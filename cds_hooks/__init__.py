"""CDS Hooks service: what is said, to whom, and by what right."""
