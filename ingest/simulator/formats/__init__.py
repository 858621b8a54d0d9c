"""One renderer for each gateway or client format; ingest/simulator/gateways.py says what it needs."""
