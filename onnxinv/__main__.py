"""`python -m onnxinv`."""

from onnxinv.watch import main

main()
