"""Changes to valid files, one kind of file a module: each takes a file's content and a source of chance."""
