"""Feeds onnxinv damaged and hostile files of every format that it reads; every answer must be a result or a sentence."""
