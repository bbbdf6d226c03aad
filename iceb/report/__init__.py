"""What people look at: images before and after the edit, and the pages of methods with their settings and times."""
