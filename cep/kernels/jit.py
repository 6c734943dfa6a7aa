"""The one place that knows numba's flags, and where compiled code is kept between runs.

``@kernel(signature)`` compiles for exactly one signature; ``prepare()`` compiles what is registered and not in the
cache yet, before the first event. A kernel is loaded when Python calls it for the first time: most are parts of others,
whose code holds theirs, and are never loaded. The cache folder's name carries a hash of all kernel and compiler
sources, the versions of numba and Python, and the processor, because numba itself does not notice when a callee in
another file has changed; the file ``made`` in it tells which kernels are there.

Invariants: no kernel has code for another signature than its own, whoever compiles it; what the cache lost or holds
damaged is compiled when it is needed.
Cost, warm: about 4 ms a kernel that is called, none for the others; numba's registries, 0.15 s, are filled only by
who has to compile.

With NUMBA_DISABLE_JIT=1 everything runs as plain Python: a kernel is its function, a pointer is the flattened array,
and a generated function is called as it is.
Tested by: tests/kernels/test_jit.py
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence, Set
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba import config, types
from numba.core import cgutils
from numba.core.caching import FunctionCache, NullCache
from numba.core.ccallback import CFunc
from numba.core.typing.typeof import typeof
from numba.extending import intrinsic
from numba.np import numpy_support

from cep.kernels import code_root
from cep.kernels.beside import compiling_beside

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
NarrowArray = npt.NDArray[np.int32]
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
NarrowVector = types.Array(types.int32, 1, "C")
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
        dispatcher = _dispatcher(function, forceinline=inline)
        load = partial(_load_once, dispatcher, signature)
        call_template, type_of_any = dispatcher.get_call_template, dispatcher.typeof_pyval

        def load_to_call(*_arguments: Any, **_named: Any) -> Any:
            load()
            return dispatcher  # numba calls what it gets: the arguments are looked at again

        def load_to_type(arguments: Any, named: Any) -> Any:
            load()
            return call_template(arguments, named)

        def type_of(value: Any) -> Any:
            kind = _type_of(value)
            if kind is None:
                return type_of_any(value)
            dispatcher._types_active_call.add(kind)
            return kind

        # what numba asks when it has no code yet for the arguments of a call, from Python and from compiled code
        dispatcher._compile_for_args = load_to_call
        dispatcher.typeof_pyval = type_of
        dispatcher.get_call_template = load_to_type
        _registered.append((dispatcher, signature))
        return dispatcher

    return wrap


def _type_of(value: object) -> Any:
    """Numba's type of arrays and of tuples of arrays, as its `typeof` gives it; None for anything else.

    That imports numpy.ma, to ask of each array whether it is masked: 25 ms before the first event.
    """
    if isinstance(value, tuple):
        kinds = [_type_of(part) or typeof(part) for part in value]
        return types.BaseTuple.from_types(kinds, type(value))
    if type(value) is not np.ndarray or value.dtype.kind not in "iuf":
        return None
    layout, read_only = numpy_support.map_layout(value), not value.flags.writeable
    return types.Array(numpy_support.from_dtype(value.dtype), value.ndim, layout, readonly=read_only)


def prepare(
    on_compile: Callable[[int, int], None] | None = None,
    further: Sequence[Callable[[], bool]] = (),
    *,
    load: bool = False,
    without: Set[str] = frozenset(),
) -> None:
    """Compile every registered kernel that is not in the cache, then call ``further``, each of which says whether it
    had to compile.

    ``on_compile(done, total)`` is told how far it is, from the first thing on that was not in the cache. With ``load``
    all kernels are loaded, too. Kernels of the modules ``without`` are compiled when something calls them.
    """
    made = {} if load else _made()
    wanted = [(d, s) for d, s in _registered if d.py_func.__module__ not in without]
    missing = [(d, s) for d, s in wanted if not d.signatures and not _is_made(d, made)]
    kernels = [partial(_load_once, d, s) for d, s in missing]
    todo: list[Callable[[], bool]] = [*kernels, *further]
    slow = False
    with compiling_beside([_name(d) for d, _ in missing if not _is_kept(d)], code_root()):
        for done, make in enumerate(todo, 1):
            slow = make() or slow
            if slow and on_compile is not None:
                on_compile(done, len(todo))
    if kernels:
        _write_made()


def compile_missing(names: Sequence[str]) -> None:
    """Compile the kernels called ``module.function``, in this order, that are not in the cache."""
    known = {_name(d): (d, s) for d, s in _registered}
    for name in names:
        if name in known and not _is_kept(known[name][0]):
            _load_once(*known[name])


def _name(dispatcher: Any) -> str:
    return f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__name__}"


def _is_kept(dispatcher: Any) -> bool:
    """Whether the cache has an index for a kernel, whatever is in it."""
    kept = getattr(dispatcher._cache, "_cache_file", None)
    return kept is not None and Path(kept._index_path).exists()


_lock = threading.RLock()


def _load_once(dispatcher: Any, signature: Any) -> bool:
    with _lock:
        return False if dispatcher.signatures else _compile(dispatcher, signature)


def _compile(dispatcher: Any, signature: Any) -> bool:
    """Load from the cache or compile, for this signature and no other; return whether it was compiled."""
    try:
        dispatcher.compile(signature)
    except Exception:
        _forget(dispatcher._cache)  # a damaged entry in the cache is no reason to fail, and is made again
        try:
            dispatcher.compile(signature)
        except Exception:
            dispatcher._cache = NullCache()
            dispatcher.compile(signature)
    dispatcher.disable_compile()
    return not dispatcher.stats.cache_hits


def _forget(kept: Any) -> None:
    """Take away numba's index of a function, so that its code is written anew."""
    with contextlib.suppress(Exception):
        Path(kept._cache_file._index_path).unlink()


def compile_generated(function: Callable[..., int]) -> tuple[Address, Any, bool]:
    """The address of ``function`` compiled with the signature GENERATED, what keeps it alive, and whether it is new.

    Passed to kernels as a plain integer: passing a numba function object costs 200 µs a call, an address nothing.
    """
    if PLAIN:
        return function, function, False
    kept = _cache_of(function)
    try:
        compiled = _callback(function, kept)
    except Exception:
        # a damaged or foreign entry in the cache is no reason to fail, and is made again
        _forget(kept)
        try:
            compiled = _callback(function, kept)
        except Exception:  # without the cache it compiles or shows the fault
            compiled = _callback(function, None)
    return compiled.address, compiled, not compiled.cache_hits


def compile_matcher(function: Callable[..., Any], signature: Any) -> tuple[Callable[..., Any], bool]:
    """A generated ``function`` compiled for ``signature`` alone, and whether it is new."""
    if PLAIN:
        return function, False
    dispatcher = _dispatcher(function)
    return dispatcher, _compile(dispatcher, signature)


def _callback(function: Callable[..., int], kept: Any) -> Any:
    compiled: Any = CFunc(
        function, (GENERATED.args, GENERATED.return_type), locals={}, options={"error_model": "numpy"}
    )
    if kept is not None:
        compiled._cache = kept
    compiled.compile()
    return compiled


def _dispatcher(function: Callable[..., Any], **options: Any) -> Any:
    dispatcher = numba.njit(**_FLAGS, **options)(function)
    kept = _cache_of(function)
    if kept is not None:
        dispatcher._cache = kept
    return dispatcher


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache, that does not fill numba's registries to load code: only compiling needs them, and fills them."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        made = None
        with self._guard_against_spurious_io_errors():
            data = self._cache_file.load(self._index_key(sig, target_context.codegen()))
            if data is not None:
                code = data[0][2][0]
                if any(word in code for word in _OF_REGISTRIES):
                    target_context.refresh()
                made = self._impl.rebuild(target_context, data)
        return made


_OF_REGISTRIES = (b"NRT_", b"_numba_hashsecret")
"""Symbols that are known to the linker only once the registries are filled; no kernel has them today."""


def _cache_of(function: Callable[..., Any]) -> _Cache | None:
    with _numba_cache_in(cache_folder()) as cached:
        return _Cache(function) if cached else None


def _entry(dispatcher: Any) -> tuple[str, Any] | None:
    """What the file ``made`` calls a kernel's place in the cache, and numba's record of it; None where it has none."""
    kept = getattr(dispatcher._cache, "_cache_file", None)
    folder = cache_folder()
    if kept is None or folder is None:
        return None
    stamp = hashlib.blake2b(repr(kept._source_stamp).encode(), digest_size=8).hexdigest()  # of the source file
    return f"{Path(kept._index_path).relative_to(folder).as_posix()}|{stamp}", kept


def _is_made(dispatcher: Any, made: dict[str, list[str]]) -> bool:
    entry = _entry(dispatcher)
    return entry is not None and entry[0] in made


def _made() -> dict[str, list[str]]:
    """The places in the cache that are complete, with their files, as far as these are there."""
    folder = cache_folder()
    if folder is None:
        return {}
    try:
        files = json.loads((folder / "made").read_bytes())
        places = {key: key.partition("|")[0].rpartition("/")[0] for key in files}
        present = {place: {f.name for f in (folder / place).iterdir()} for place in set(places.values())}
        return {key: own for key, own in files.items() if present[places[key]].issuperset(own)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # who finds no list looks for each of them


def _write_made() -> None:
    folder = cache_folder()
    if folder is None:
        return
    before = _made()
    after = dict(before)
    for dispatcher, _ in _registered:
        entry = _entry(dispatcher) if dispatcher.signatures else None
        if entry is not None:
            key, kept = entry
            with contextlib.suppress(Exception):
                after[key] = sorted([Path(kept._index_path).name, *kept._load_index().values()])
    if after == before:
        return
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=folder, prefix="made", suffix=".tmp")
        with os.fdopen(handle, "w") as out:
            json.dump(after, out)
        Path(temporary).replace(folder / "made")


Callee = types.int64
"""The type of a generated function's address as a kernel argument."""

if PLAIN:

    def pointer(array: Any) -> Any:
        """The array's elements in memory order, flat."""
        return array.reshape(-1)

    def call_generated(address: Any, *arguments: Any) -> int:
        """Call a generated function by its address."""
        return int(address(*arguments))

    def vector_at(address: Any, size: Any) -> Any:
        """The array of int64 at an address: compiled code alone reads it."""
        raise AssertionError(address, size)

    def matrix_at(address: Any, rows: Any, columns: Any) -> Any:
        """The same in two dimensions."""
        raise AssertionError(address, rows, columns)

    def floats_at(address: Any, size: Any) -> Any:
        """The array of float64 at an address."""
        raise AssertionError(address, size)

    def narrow_at(address: Any, size: Any) -> Any:
        """The array of int32 at an address, to be read."""
        raise AssertionError(address, size)

    def bytes_at(address: Any, size: Any) -> Any:
        """The array of bytes at an address."""
        raise AssertionError(address, size)

    def words_at(address: Any, size: Any) -> Any:
        """The array of uint64 at an address."""
        raise AssertionError(address, size)

    def word_column(columns: Any, place: Any) -> Any:
        """A column of a block as int64; plain, the columns of a block are the block."""
        return columns[place]

    def float_column(columns: Any, place: Any) -> Any:
        """The same as float64."""
        return columns[place].view(np.float64)

    def count_ones(word: Any) -> Any:
        """How many bits of a word are 1."""
        return np.uint64(int(word).bit_count())

    def trailing_zeros(word: Any) -> Any:
        """How many of the lowest bits of a word, not 0, are 0."""
        return np.uint64((int(word) & -int(word)).bit_length() - 1)

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

    def _array_at(context: Any, builder: Any, kind: Any, address: Any, shape: Any) -> Any:
        from llvmlite import ir
        from numba.np.arrayobj import populate_array

        array, word = context.make_array(kind)(context, builder), context.get_value_type(types.intp)
        strides = [ir.Constant(word, kind.dtype.bitwidth // 8)]
        for size in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], size))
        data = builder.inttoptr(address, array.data.type)
        packed = [cgutils.pack_array(builder, sizes, word) for sizes in (shape, strides)]
        populate_array(array, data=data, shape=packed[0], strides=packed[1], itemsize=strides[-1], meminfo=None)
        return array._getvalue()

    @intrinsic
    def vector_at(_context: Any, address: Any, size: Any) -> Any:
        """The array of int64 at an address, which nobody keeps alive for it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _array_at(context, builder, signature.return_type, arguments[0], list(arguments[1:]))

        return Vector(types.int64, types.int64), generate

    @intrinsic
    def matrix_at(_context: Any, address: Any, rows: Any, columns: Any) -> Any:
        """The same in two dimensions."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _array_at(context, builder, signature.return_type, arguments[0], list(arguments[1:]))

        return Matrix(types.int64, types.int64, types.int64), generate

    def _reader(kind: Any) -> Any:
        @intrinsic
        def at(_context: Any, address: Any, size: Any) -> Any:
            """The array at an address, which nobody keeps alive for it."""

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return _array_at(context, builder, signature.return_type, arguments[0], list(arguments[1:]))

            return kind(types.int64, types.int64), generate

        return at

    floats_at = _reader(FloatVector)
    narrow_at = _reader(types.Array(types.int32, 1, "C", readonly=True))
    bytes_at = _reader(Bytes)
    words_at = _reader(types.Array(types.uint64, 1, "C"))

    def _column(kind: Any) -> Any:
        @intrinsic
        def column(_context: Any, columns: Any, place: Any) -> Any:
            """The column of which ``columns`` say where it begins; how long it is, the caller knows."""

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                from llvmlite import ir

                addresses = context.make_array(signature.args[0])(context, builder, arguments[0]).data
                address = builder.load(builder.gep(addresses, [arguments[1]]))
                size = ir.Constant(address.type, 2**31)
                return _array_at(context, builder, signature.return_type, address, [size])

            return kind(Vector, types.int64), generate

        return column

    word_column, float_column = _column(Vector), _column(FloatVector)

    @intrinsic
    def count_ones(_context: Any, word: Any) -> Any:
        """How many bits of a word are 1."""

        def generate(_target: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return builder.ctpop(values[0])

        return types.uint64(word), generate

    @intrinsic
    def trailing_zeros(_context: Any, word: Any) -> Any:
        """How many of the lowest bits of a word, not 0, are 0."""
        from llvmlite import ir

        def generate(_target: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

        return types.uint64(word), generate


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


@cache
def cache_folder() -> Path | None:
    """The folder for compiled code and generated modules, made if need be; None when there is nowhere to write."""
    root = code_root()
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
