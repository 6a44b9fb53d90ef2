# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""How numba takes a rule from Python to LLVM code: by no more steps than it needs, and by none where it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dis import get_instructions
from types import CodeType
from typing import Any, NamedTuple

from numba import typeof
from numba.core import types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager
from numba.core.imputils import impl_ret_borrowed
from numba.core.typed_passes import (
    AnnotateTypes,
    InlineOverloads,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing.templates import infer, infer_global, make_intrinsic_template
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    GenericRewrites,
    InlineInlinables,
    IRProcessing,
    ReconstructSSA,
    RewriteDynamicRaises,
    RewriteSemanticConstants,
    TranslateByteCode,
)
from numba.extending import overload

PASSES = (
    TranslateByteCode, FixupArgs, IRProcessing, RewriteSemanticConstants, DeadBranchPrune, GenericRewrites,
    RewriteDynamicRaises, InlineInlinables, ReconstructSSA, DeadBranchPrune, NopythonTypeInference, PreLowerStripPhis,
    InlineOverloads, IRLegalization, AnnotateTypes, NativeLowering, NoPythonBackend,
)  # fmt: skip


class ForRules(CompilerBase):
    """numba's compiler, without the passes that look for closures, literals, `with` and array expressions: rules have none.

    A function with another one in it, a comprehension say, goes through all of them.
    """

    def define_pipelines(self) -> list[PassManager]:
        if any(isinstance(constant, CodeType) for constant in self.state.func_id.code.co_consts):
            return [DefaultPassBuilder.define_nopython_pipeline(self.state)]
        passes = PassManager("nopython")
        for each in PASSES:
            passes.add_pass(each, each.name())
        passes.finalize()
        return [passes]


CALLED = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # by compiled code alone
RULE = {"forceinline": True, "pipeline_class": ForRules, **CALLED}


OVERLOADED: list[Callable[..., Any]] = []  # what compiled code has functions of its own for


def compiled_as(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let compiled code call for `plain` the function that a definition gives for the types of its arguments."""
    OVERLOADED.append(plain)
    return overload(plain, jit_options=RULE)


def stands_for(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let compiled code make of a call of `plain` what an intrinsic's definition says, without a function between."""

    def register(definition: Callable[..., Any]) -> Callable[..., Any]:
        template = make_intrinsic_template(plain, definition, plain.__name__)
        infer(template)
        infer_global(plain, types.Function(template))
        return definition

    return register


class Given(NamedTuple):
    """What a rule gives that does nothing: a constant, or an argument as it is."""

    constant: Any
    place: int | None = None  # of the argument

    @classmethod
    def by(cls, function: Callable[..., Any]) -> Given | None:
        """What `function` gives, if it does nothing else."""
        match [(one.opname, one.argval) for one in get_instructions(function) if one.opname != "RESUME"]:
            case [("RETURN_CONST", value)] | [("LOAD_CONST", value), ("RETURN_VALUE", _)]:
                return cls(value) if type(value) in (bool, int, float) or value == () else None
            case [("LOAD_FAST", name), ("RETURN_VALUE", _)]:
                return cls(None, function.__code__.co_varnames.index(name))
        return None

    def kind(self, arguments: tuple[types.Type, ...]) -> types.Type:
        """The type of what is given to arguments of these types."""
        return typeof(self.constant) if self.place is None else arguments[self.place]

    def lowered(self, context: Any, builder: Any, kind: types.Type, arguments: Any) -> Any:
        """The value."""
        if self.place is None:
            return context.get_constant_generic(builder, kind, self.constant)
        return impl_ret_borrowed(context, builder, kind, arguments[self.place])
