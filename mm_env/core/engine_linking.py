# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""How the LLVM code of a market's rules becomes that of one kernel, which alone is made machine code and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import errors, event, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.datamodel import models
from numba.core.datamodel.manager import DataModelManager
from numba.core.registry import cpu_target

from mm_env.core import maths


class Linked(JITCodeLibrary):
    """The code of a rule: linked into the kernel that calls it, optimised there, and made machine code nowhere else.

    numba would optimise each rule and make machine code of it by itself too, which takes as long again, which nobody runs, and
    which stays in memory for as long as the process lives.
    """

    kernel = ""  # the name of the one function that is run

    @property
    def _runs(self) -> bool:
        return self.name in (Linked.kernel, "nrt")  # nrt allocates memory

    @property
    def _stands_alone(self) -> bool:
        return self._runs or self.name in {function.__qualname__ for function in maths.ROUTINES}

    def _optimize_functions(self, ll_module: Any) -> None:
        """As numba does, but with one pass manager a module and not one a function: LLVM keeps each of them for good."""
        ll_module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _optimize_final_module(self) -> None:
        if self._stands_alone:
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        if self._runs:
            super()._finalize_final_module()
        else:
            self._finalize_dynamic_globals()
            self._verify_declare_only_symbols()
            self._finalized = True


class _Plain:
    """A tuple that is not taken apart to look for references to memory where none of its types has any."""

    def traverse(self, builder: Any) -> Any:
        return super().traverse(builder) if self.contains_nrt_meminfo() else []


class _Tuple(_Plain, models.TupleModel):
    pass


class _UniTuple(_Plain, models.UniTupleModel):
    pass


_OURS = DataModelManager({
    types.Tuple: _Tuple, types.NamedTuple: _Tuple, types.UniTuple: _UniTuple, types.NamedUniTuple: _UniTuple,
})  # fmt: skip


@contextmanager
def compiling(kernel: Callable[..., Any]) -> Iterator[None]:
    """Within it numba compiles as is said here, for this thread alone, and `kernel` is what is run."""
    context: Any = cpu_target.target_context
    codegen: Any = context.codegen()

    def set_env(name: str, env: Any) -> None:
        if codegen._engine.is_symbol_defined(name):
            type(codegen).set_env(codegen, name, env)

    with (
        global_compiler_lock,
        _instead(codegen, _library_class=Linked, set_env=set_env),
        _instead(context, data_model_manager=_OURS.chain(context.data_model_manager)),
        _instead(Linked, kernel=kernel.__qualname__),
        _instead(event, broadcast=lambda _: None),  # numba times each of its functions in each that waits for it
        _instead(errors.termcolor(), errmsg=str, filename=str, highlight=str),  # and colours what it tells itself
    ):
        yield


@contextmanager
def _instead(owner: Any, **members: Any) -> Iterator[None]:
    """`owner` with other members for a while."""
    usual = {name: vars(owner)[name] for name in members if name in vars(owner)}
    for name, member in members.items():
        setattr(owner, name, member)
    try:
        yield
    finally:
        for name in members:
            if name in usual:
                setattr(owner, name, usual[name])
            else:
                delattr(owner, name)
