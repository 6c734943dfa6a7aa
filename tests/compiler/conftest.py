"""The cache folder is made known before a module with kernels is imported: compiled code is kept between runs."""

import cep.app.compile  # noqa: F401
