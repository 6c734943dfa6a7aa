"""Properties: random rules and random streams, and the laws that hold for all of them."""
