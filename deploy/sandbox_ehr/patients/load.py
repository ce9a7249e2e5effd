"""Loads the sample patients into a store, their times moved to the present."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

from sandbox_ehr.resources import Resource
from sandbox_ehr.store import Store
from sandbox_ehr.transaction import run_transaction

FOLDER = Path(__file__).parent
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def load_patients(store: Store, now: datetime, dicomweb: str) -> None:
    """Put every sample patient into the store.

    Parameters
    ----------
    store
        Where they go.
    now
        The instant to which the files' own "now" is moved; ages and gaps stay as they are.
    dicomweb
        The address that the archive's Endpoint is to name.
    """
    for path in sorted(FOLDER.glob("*.json")):
        bundle = bundle_at(json.loads(path.read_text(encoding="utf-8")), now)
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Endpoint":
                entry["resource"]["address"] = dicomweb
        run_transaction(store, bundle)


def bundle_at(bundle: Resource, now: datetime) -> Resource:
    """Return the Bundle with every date and instant moved as far as its timestamp is from now."""
    by = now - datetime.fromisoformat(bundle["timestamp"])
    return {key: _moved(value, by) for key, value in bundle.items()}


def _moved(element: object, by: timedelta) -> object:
    if isinstance(element, dict):
        return {key: _moved(value, by) for key, value in element.items()}
    if isinstance(element, list):
        return [_moved(value, by) for value in element]
    if isinstance(element, str):
        if INSTANT.fullmatch(element):
            return (datetime.fromisoformat(element) + by).isoformat(timespec="seconds")
        if DAY.fullmatch(element):
            return (date.fromisoformat(element) + by).isoformat()
    return element
