"""Compile a function to machine code once for each installation, also where it may only be read later."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching


class _PackageLocator(caching.InTreeCacheLocator):
    """The package's ``__pycache__``, which numba would pass over where it cannot write to it."""

    def ensure_cache_path(self) -> None:
        """Make the folder where that is allowed, and leave out the trial write."""
        with contextlib.suppress(OSError):
            Path(self.get_cache_path()).mkdir(exist_ok=True)


class _PackageImpl(caching.CompileResultCacheImpl):
    _locator_classes = [_PackageLocator]


class _PackageCache(caching.FunctionCache):
    _impl_class = _PackageImpl

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save what was compiled; where that is not allowed, the next process compiles it again."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load what was compiled; None where there is nothing, or where what is there is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle may raise anything
            with contextlib.suppress(OSError):
                self.flush()
            return None


def compiled(function: Callable) -> Any:
    """Compile `function` for the types that it is first called with.

    Sums may be taken in any order, so that they run on all lanes of the processor; which order does not
    depend on the frames around a frame.

    Parameters
    ----------
    function : callable
        Loops over arrays. What it calls must be in the same file, because the compiled code is only as
        fresh as that file.

    Returns
    -------
    dispatcher : callable
        For one thread; it lets go of the interpreter lock.
    """
    dispatcher = numba.njit(nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")(
        function
    )
    dispatcher._cache = _PackageCache(function)
    return dispatcher
