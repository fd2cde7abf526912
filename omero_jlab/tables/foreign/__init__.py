"""Tables as other programs keep them."""
