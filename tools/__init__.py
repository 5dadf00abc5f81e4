"""For developers of Homing only: counting AWS calls, tables of the docs, the scale model."""
