"""The platforms' clock: the machine's, moved forward together with the one of the program under test."""

import time

offset_s = 0.0


def now():
    return time.time() + offset_s


def advance(seconds):
    global offset_s
    offset_s += seconds
