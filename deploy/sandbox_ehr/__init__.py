"""A stand-alone sandbox EHR: FHIR R4, sample patients, an order-entry page as CDS client."""
