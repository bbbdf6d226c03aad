"""A run on disk: folder, result, ledger of images, table of statistics, provenance."""
