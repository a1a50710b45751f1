"""The verifier for browsers: its sources, and how they become one HTML file."""
