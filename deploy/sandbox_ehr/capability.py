"""The CapabilityStatement of the sandbox, computed from the table of search parameters. Pure."""

from __future__ import annotations

from sandbox_ehr.resources import Resource
from sandbox_ehr.search_parameters import SEARCH_PARAMETERS, ParameterType, parameters_of

INTERACTIONS = ("read", "vread", "search-type", "create", "update", "delete")


def capability_statement(base_url: str, date: str) -> Resource:
    """Return what the server answers: https://hl7.org/fhir/R4/capabilitystatement.html."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "CardioTwin sandbox EHR"},
        "implementation": {
            "description": "Invented patients, held in memory; for trying out and for tests.",
            "url": base_url,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "resource": [_resource(name) for name in SEARCH_PARAMETERS],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }


def _resource(resource_type: str) -> Resource:
    known = parameters_of(resource_type)
    includes = [
        f"{resource_type}:{name}"
        for name, parameter in known.items()
        if parameter.type is ParameterType.REFERENCE
    ]
    return {
        "type": resource_type,
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        **({"searchInclude": includes} if includes else {}),
        "searchParam": [
            {"name": name, "type": str(parameter.type)} for name, parameter in known.items()
        ],
    }
