"""Work that goes on after the answer, and after a restart."""
