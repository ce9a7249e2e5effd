"""FHIR R4 in and out: readings, orders, written resources (pure); server and folder (adapters)."""
