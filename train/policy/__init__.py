"""Policy networks, the scale of their input, and their ONNX form."""
