"""From segments to the rows and columns that somebody asked for."""
