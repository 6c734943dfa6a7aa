"""Running programs: operators, order, watermarks, results."""
