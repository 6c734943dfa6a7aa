"""The one place that knows numba's flags, and where compiled code is kept between runs.

``@kernel(signature)`` compiles for exactly one signature; ``prepare()`` compiles everything registered (or loads it
from the cache) before the first event. The cache folder's name carries a hash of all kernel and compiler sources, the
versions of numba and Python, and the processor, because numba itself does not notice when a callee in another file
has changed.

With NUMBA_DISABLE_JIT=1 everything runs as plain Python: a kernel is its function, a pointer is the flattened array,
and a generated function is called as it is.
Tested by: tests/kernels/test_jit.py
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba import config, types
from numba.core import cgutils  # noqa: F401  (initialises the code generator before intrinsics are typed)
from numba.core.caching import NullCache
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

PLAIN: bool = bool(config.DISABLE_JIT)
"""Whether everything runs as plain Python."""

# Kernels allocate nothing, so numba need not count references to the arrays that they unpack from their tables: it did
# so at every step, with atomic operations, and that was more than half of the matcher's time.
_FLAGS = {"nogil": True, "error_model": "numpy", "_nrt": False}
_registered: list[tuple[Any, Any]] = []

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
WordArray = npt.NDArray[np.uint64]
Whole = int | np.int64
"""A whole number: 64 bits when compiled, either when it runs plain."""
Address = Any
"""Where a generated function lies: an integer, or in plain mode the function itself."""

# Shapes of arguments. Tables are rows of int64 with a float64 view of the same memory where floats lie in them.
Matrix = types.Array(types.int64, 2, "C")
FloatMatrix = types.Array(types.float64, 2, "C")
Vector = types.Array(types.int64, 1, "C")
FloatVector = types.Array(types.float64, 1, "C")
Bytes = types.Array(types.uint8, 1, "C")
Integer = types.int64
_Int64Pointer = types.CPointer(types.int64)
_FloatPointer = types.CPointer(types.float64)
_BytePointer = types.CPointer(types.uint8)

# predicate number, row, run, bindings, constants; most as pointer to int64 and to float64; the offsets of row and run
GENERATED = types.int64(
    types.int64,
    _Int64Pointer,
    _FloatPointer,
    types.int64,
    _Int64Pointer,
    _FloatPointer,
    types.int64,
    _Int64Pointer,
    _Int64Pointer,
    _FloatPointer,
    _BytePointer,
    _Int64Pointer,
    _Int64Pointer,
)
"""The signature of every generated function; see `cep.compiler.generate`."""


def kernel(signature: Any, *, inline: bool = False) -> Callable[[Function], Function]:
    """A decorator: compile the function for ``signature`` alone, release the GIL, keep it in the cache folder.

    ``inline`` is for parts of a kernel's loop: their tables are then not copied to be passed.
    """

    def wrap(function: Function) -> Function:
        if PLAIN:
            return function
        with _numba_cache_in(cache_folder()) as cached:
            dispatcher = numba.njit(cache=cached, forceinline=inline, **_FLAGS)(function)
        _registered.append((dispatcher, signature))
        return dispatcher

    return wrap


def prepare(on_compile: Callable[[int, int], None] | None = None, further: Sequence[Callable[[], bool]] = ()) -> None:
    """Compile or load every registered kernel, then call ``further``, each of which says whether it had to compile.

    ``on_compile(done, total)`` is told how far it is, from the first thing on that was not in the cache.
    """
    kernels = [partial(_compile, d, s) for d, s in _registered if not d.signatures]
    todo: list[Callable[[], bool]] = [*kernels, *further]
    slow = False
    for done, make in enumerate(todo, 1):
        slow = make() or slow
        if slow and on_compile is not None:
            on_compile(done, len(todo))


def _compile(dispatcher: Any, signature: Any) -> bool:
    try:
        dispatcher.compile(signature)
    except Exception:
        dispatcher._cache = NullCache()  # a damaged entry in the cache is no reason to fail
        dispatcher.compile(signature)
    dispatcher.disable_compile()
    return not dispatcher.stats.cache_hits


def compile_generated(function: Callable[..., int]) -> tuple[Address, Any, bool]:
    """The address of ``function`` compiled with the signature GENERATED, what keeps it alive, and whether it is new.

    Passed to kernels as a plain integer: passing a numba function object costs 200 µs a call, an address nothing.
    """
    if PLAIN:
        return function, function, False
    with _numba_cache_in(cache_folder()) as cached:
        try:
            compiled = numba.cfunc(GENERATED, cache=cached, error_model="numpy")(function)
        except Exception:
            if not cached:
                raise
            # a damaged or foreign entry in the cache is no reason to fail: without it, it compiles or shows the fault
            compiled = numba.cfunc(GENERATED, error_model="numpy")(function)
    return compiled.address, compiled, not compiled.cache_hits


Callee = types.int64
"""The type of a generated function's address as a kernel argument."""

if PLAIN:

    def pointer(array: Any) -> Any:
        """The array's elements in memory order, flat."""
        return array.reshape(-1)

    def call_generated(address: Any, *arguments: Any) -> int:
        """Call a generated function by its address."""
        return int(address(*arguments))

else:

    @intrinsic
    def pointer(_context: Any, array: Any) -> Any:
        """The array's elements in memory order, flat."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), generate

    @intrinsic
    def call_generated(_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any,
                       i: Any, j: Any, k: Any, m: Any, n: Any) -> Any:  # fmt: skip
        """Call a generated function by its address."""
        from llvmlite import ir

        arguments = (address, a, b, c, d, e, f, g, h, i, j, k, m, n)

        def generate(_target: Any, builder: Any, _signature: Any, values: Any) -> Any:
            result = ir.IntType(64)
            callee = ir.FunctionType(result, [v.type for v in values[1:]])
            return builder.call(builder.inttoptr(values[0], callee.as_pointer()), values[1:])

        return types.int64(*arguments), generate


@contextlib.contextmanager
def _numba_cache_in(folder: Path | None) -> Any:
    # numba looks the folder up when the function is decorated; other users of numba keep theirs
    before = config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        yield folder is not None
    finally:
        config.CACHE_DIR = before


_root: list[Path | None] = [None]


def keep_code_in(root: Path | None) -> None:
    """Say where compiled code is kept (None: nowhere). To be called before the kernels are imported."""
    _root[0] = root


@cache
def cache_folder() -> Path | None:
    """The folder for compiled code and generated modules, made if need be; None when there is nowhere to write."""
    root = _root[0]
    if root is None:
        return None
    folder = root / f"kernels-{source_hash()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder
    return None


@cache
def source_hash() -> str:
    """16 hex digits over everything that decides what compiled code does."""
    digest = hashlib.blake2b(digest_size=8)
    root = Path(__file__).resolve().parent.parent
    for file in sorted([*(root / "kernels").glob("*.py"), *(root / "compiler").glob("*.py")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    processor = numba.core.config.CPU_NAME or _processor()
    digest.update(f"{numba.__version__} {sys.version} {processor} {config.BOUNDSCHECK}".encode())
    return digest.hexdigest()


def _processor() -> str:
    import llvmlite.binding as llvm

    return f"{platform.machine()} {llvm.get_host_cpu_name()}"
