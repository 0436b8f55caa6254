"""The installed plugins, and the objects that they register, by kind and name."""
