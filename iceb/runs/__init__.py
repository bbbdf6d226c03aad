"""A run on disk: its folder, its result, the ledger of its images, its table of statistics, and where it came from."""
