"""The decoder: sizes, layers, loss."""
