"""Released models, one folder each (model.onnx, release.json, card.md), and their reader."""
