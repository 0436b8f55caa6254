"""Compile the step of a pairing into a program of its own, in C++, from the torch code of its plugins.

The step of one lane is traced (`trace`) as a graph of torch's core operations (`nodes`), and written in one of two
ways: a short step `lanewise`, number by number, on vectors with one number for each of several lanes, which go
through many steps without leaving the registers; a longer one `tensorwise`, tensor by tensor, a lane at a time,
whose tensors stay in the cache. Both write what is done number by number alike (`values`, `writer`, `elementwise`,
`choices`), on the same vectors (`vectors.cpp`, filled in by `text`). A program is compiled and kept on disk
(`build`), loaded (`library`), and run (`steps`). A long objective is a program as well (`objective`). What neither
way knows is left to a scan by torch's own compiler.
"""
