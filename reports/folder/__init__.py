"""The index of a folder of reports."""
