"""Results in forms that other programs read: tables, lines, records of the hubs, runs of trackers."""
