"""The shipped network of models/mnist_simpleconv_rotated.onnx, written and exported by several frameworks."""
