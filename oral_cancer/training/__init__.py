"""One training: its settings, its folder, what it shows and logs."""
