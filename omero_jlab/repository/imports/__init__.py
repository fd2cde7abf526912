"""How images and results come in."""
