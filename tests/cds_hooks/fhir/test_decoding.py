"""Many resources decoded in one go are what each is by itself; a bad one costs no other."""

from __future__ import annotations

import msgspec
import pytest

from cds_hooks.fhir.decoding import Decoding
from cds_hooks.fhir.resources import Observation, head_of, reference_of

GOOD = msgspec.Raw(b'{"resourceType": "Observation", "id": "a", "status": "final"}')
OTHER = msgspec.Raw(b'{"resourceType": "Observation", "id": "b", "status": "final"}')


def test_all_are_decoded_in_their_order() -> None:
    found = Decoding(Observation).all_of([GOOD, OTHER, GOOD])
    assert found is not None
    assert [each.id for each in found] == ["a", "b", "a"]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"resourceType": 1}',
        b"null",
        b"[]",
        b"",
        b"{",
        b"\xff",
        b'{"id": "x"}, {"id": "y"}',
        b"[" * 100_000,
    ],
)
def test_one_of_another_shape_costs_none_of_the_others(bad: bytes) -> None:
    raws = [GOOD, msgspec.Raw(bad), OTHER]
    decoding = Decoding(Observation)
    assert decoding.all_of(raws) is None
    assert [each and each.id for each in decoding.each_of(raws)] == ["a", None, "b"]


def test_nothing_is_decoded_from_nothing() -> None:
    assert Decoding(Observation).each_of([]) == []


@pytest.mark.parametrize(
    "resource",
    [
        b'{"resourceType": "Observation", "id": "a", "meta": {"versionId": "3"}}',
        b'{"resourceType": "Observation", "id": "a", "meta": {"lastUpdated": "2026-11-21"}}',
        b'{"resourceType": "Observation", "id": "a"}',
        b'{"resourceType": "Observation", "meta": {"versionId": "3"}}',
        b'{"resourceType": "Observation", "id": "", "meta": {"versionId": "3"}}',
        b'{"id": "a", "meta": {"versionId": "3"}}',
        b'{"resourceType": "Observation", "id": "a\\nb", "meta": {"versionId": "3"}}',
        b'{"resourceType": "Observation", "id": "' + b"i" * 90 + b'", "meta": {"versionId": "3"}}',
        b'{"resourceType": "Observation", "id": "a", "meta": {"versionId": "' + b"7" * 50 + b'"}}',
    ],
)
def test_the_short_way_to_a_reference_leads_to_the_same(resource: bytes) -> None:
    observation = msgspec.json.decode(resource, type=Observation)
    assert reference_of(observation) == head_of(observation).reference
