"""Formats without code: a TOML file says which field of a record becomes which column."""
