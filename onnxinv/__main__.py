"""`python -m onnxinv`."""

from onnxinv.cli import main

main()
