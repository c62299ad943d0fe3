"""The parts of a workbook that is given back: package, cells, comments, and one made anew."""
