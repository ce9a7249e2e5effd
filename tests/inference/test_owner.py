"""Images are read for a chart only where they are known to be of its patient."""

from __future__ import annotations

from typing import Any

import pytest

from inference.core.owner import Owner, birth_date_of, doubt, identifier_digest


def owner(*identifiers: str, birth_date: str | None = None, sex: Any = None) -> Owner:
    digests = frozenset(identifier_digest(each) for each in identifiers)
    return Owner(digests, birth_date_of(birth_date), sex)


CHART = owner("MRN-1", "999", birth_date="1960-05-04", sex="female")


@pytest.mark.parametrize(
    "image",
    [
        owner("MRN-1", birth_date="19600504", sex="female"),
        owner(" mrn-1 "),
        owner("999", "another"),
        owner(birth_date="1960.05.04"),
        owner(birth_date="1960", sex="female"),
    ],
)
def test_an_identifier_or_a_date_of_birth_in_common_is_enough(image: Owner) -> None:
    assert doubt([image], CHART) is None


@pytest.mark.parametrize(
    ("image", "by"),
    [
        (owner("MRN-2", birth_date="19600504", sex="female"), "identifier"),
        (owner("MRN-1", birth_date="19600505", sex="female"), "date of birth"),
        (owner("MRN-1", birth_date="19600504", sex="male"), "sex"),
        (owner("MRN-2", birth_date="1971"), "identifier and date of birth"),
    ],
)
def test_one_difference_refuses_and_says_in_what(image: Owner, by: str) -> None:
    reason = doubt([image], CHART)
    assert reason is not None
    assert f"another patient than the chart, by {by};" in reason


@pytest.mark.parametrize(
    "image", [owner(), owner(sex="female"), owner("", birth_date="19000101", sex="female")]
)
def test_images_that_name_nobody_are_not_read(image: Owner) -> None:
    reason = doubt([Owner(frozenset(), image.birth_date, image.sex)], CHART)
    assert reason == "neither identifier nor date of birth tells that they are of this patient"


def test_a_chart_of_which_nothing_is_known_gets_no_images() -> None:
    assert doubt([owner("MRN-1", birth_date="19600504")], Owner()) is not None


def test_one_image_of_another_refuses_the_whole_study() -> None:
    assert doubt([owner("MRN-1"), owner("MRN-2")], CHART) is not None


def test_a_reason_and_an_owner_show_nothing_of_the_patient() -> None:
    other = owner("MRN-2", birth_date="19711231", sex="male")
    shown = f"{doubt([other], CHART)} {other!r} {CHART!r}"
    assert not any(each in shown for each in ("MRN", "1971", "1960", "19600504", "male"))
    assert identifier_digest("MRN-2") not in shown


@pytest.mark.parametrize("text", [None, "", "0000", "00000000", "today", "19600504T00"])
def test_what_is_no_date_of_birth_is_none(text: str | None) -> None:
    assert birth_date_of(text) is None
