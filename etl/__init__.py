"""Staff spreadsheets in, checked and placed rows out, in a DuckLake store."""
