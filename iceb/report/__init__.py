"""Reports: images before and after the edit, and the methods' pages with their settings and times."""
