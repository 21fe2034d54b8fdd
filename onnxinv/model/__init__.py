"""From a model file to the tensors that can be measured."""
