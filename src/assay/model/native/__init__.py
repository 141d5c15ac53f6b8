"""Kernels of our own, in C++, and their loader."""
