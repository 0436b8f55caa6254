"""The built-in transforms of problems, one file each."""
