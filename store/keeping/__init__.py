"""Keeping and forgetting: compaction, retention, holds, erasure, repair, backup.

Whatever is done here holds one lock (`keeping.lock`), writes new files before the commit that names them, and takes
old files away only after it. Ingest never waits for any of it.
"""
