"""Self-contained pages that open from disk: their common frame, grids, colours and drawings."""
