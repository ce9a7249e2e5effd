"""The CDS Services: one file a service, and what they share of gathering and simulating."""
