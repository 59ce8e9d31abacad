"""Self-contained pages that open from disk: their common frame, colours and drawings."""
