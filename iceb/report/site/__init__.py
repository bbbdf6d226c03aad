"""The offline report: one folder with a page, its data and thumbnails, for one or many runs."""
