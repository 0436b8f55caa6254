"""Write a step tensor by tensor: a lane at a time goes through many steps, its tensors in the cache."""
