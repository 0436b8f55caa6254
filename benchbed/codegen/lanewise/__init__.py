"""Write a step number by number: a few lanes at a time go through many steps without leaving the registers."""
