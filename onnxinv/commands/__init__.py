"""Commands of the command line, one a file: each a function whose docstring is its `--help`."""
