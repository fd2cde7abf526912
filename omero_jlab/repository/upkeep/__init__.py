"""Looking after a repository: its disk, its files, what was deleted from it."""
