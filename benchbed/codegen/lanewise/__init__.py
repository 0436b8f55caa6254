"""The lanewise form: a vector for each number of a lane, which stays in registers for many steps."""
