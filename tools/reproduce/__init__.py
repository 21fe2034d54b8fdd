"""Reproduces the paper's experiments: trains, exports, measures, decides."""
