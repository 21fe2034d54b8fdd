"""What tmeasures, in an environment of its own, makes of a network and its variants, and how close onnxinv comes."""
