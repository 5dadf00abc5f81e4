"""Tools for developers of Homing: they count AWS calls, write tables of the docs, model scaling."""
