"""Bytes of every format to columns of cells: what the reader and its child process stand on."""
