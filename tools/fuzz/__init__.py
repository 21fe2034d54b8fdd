"""Feeds onnxinv damaged and hostile files of every format that it reads; each answer must be a result or a sentence."""
