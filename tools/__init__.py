"""Tools for developers of Homing: counting AWS calls, tables of the docs, the scale model."""
