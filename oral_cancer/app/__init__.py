"""The page for the bench: images dropped into a browser, and what is in the cultures that they show."""
