"""The composition root: rules loaded, engines started, inputs run through them."""
