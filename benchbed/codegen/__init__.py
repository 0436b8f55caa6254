"""Generation of C++ from traced torch functions; README.md of this package describes it."""
