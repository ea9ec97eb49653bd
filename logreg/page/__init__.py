"""The page of a model: one HTML file that needs no network and no server."""
