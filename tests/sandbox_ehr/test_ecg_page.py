"""The generated ECG of a sample patient: made again pixel for pixel, and marked as such."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image

from inference.training.sample_page import WORDS, sample_page
from sandbox_ehr.patients.load import FOLDER


def test_the_page_is_the_one_that_the_printer_makes() -> None:
    committed = Image.open(FOLDER / "ecg-pages" / "heart-failure.png")
    np.testing.assert_array_equal(np.asarray(committed), np.asarray(sample_page()))
    assert "NOT A PATIENT" in WORDS[0]


def test_the_chart_holds_that_page_as_a_document() -> None:
    bundle = json.loads((FOLDER / "heart-failure.json").read_text("utf-8"))
    documents = [
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "DocumentReference"
    ]
    (document,) = documents
    content = base64.b64decode(document["content"][0]["attachment"]["data"])
    assert content == (FOLDER / "ecg-pages" / "heart-failure.png").read_bytes()
    assert Image.open(io.BytesIO(content)).size == (1072, 608)
    assert "generated" in document["type"]["text"]
