"""Frames -> folium layers; the only folium import; every file of the map is hosted here."""
