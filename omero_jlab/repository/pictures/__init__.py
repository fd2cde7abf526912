"""How images are drawn and measured."""
