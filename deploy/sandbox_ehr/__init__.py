"""A stand-alone sandbox EHR: FHIR R4 read and search, sample patients, an order-entry page that acts as CDS client."""
