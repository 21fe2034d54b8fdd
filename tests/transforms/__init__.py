"""Tests of the transform families."""
