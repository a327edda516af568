"""Platforms that stand in for the real ones in tests and in `./dev run`.

One process, one world: what was asked (requests) and what stands (posts). Each platform is a
module that answers as its fact sheet says; faults are the world's, so every platform can lie,
stall and die in the same ways.
"""
