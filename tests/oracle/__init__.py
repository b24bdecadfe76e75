"""A second, independent derivation of what the contracts ask for, in plain Python.

It is written from the contracts alone and shares no code with the pipeline, so that the tests can
hold one against the other. It favours being read over being fast.
"""
