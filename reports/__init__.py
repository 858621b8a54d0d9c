"""Reports: one folder per report, each a context, its template, and nothing that fetches anything."""
