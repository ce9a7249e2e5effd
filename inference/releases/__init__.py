"""Released models, one folder each: model.onnx, release.json, card.md; and the reader of such folders."""
