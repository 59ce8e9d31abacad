"""Image files as microscopes and cameras write them: from bytes to raw values, or the reason why not."""
