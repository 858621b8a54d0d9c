"""One fault a file; the folder is the registry."""
