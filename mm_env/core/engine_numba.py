# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""What numba must be told: how to find a rule by the type of its record, and how records lie in arrays."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.bytecode import FunctionIdentity
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature
from numba.extending import (
    NativeValue,
    intrinsic,
    lower_builtin,
    models,
    register_jitable,
    register_model,
    typeof_impl,
    unbox,
)

from mm_env.core import component, engine_lanes, engine_tuples, maths, noise  # noqa: F401
from mm_env.core.engine_compiler import CALLED, OVERLOADED, RULE, Given, compiled_as, stands_for
from mm_env.core.engine_linking import compiling

VERSIONS = 3  # of rules whose machine code in parts is kept: a market's, another's, and that of kernels without rules
_COMPILED: dict[str, dict[Any, dict[Any, Any]]] = {}  # by version: of each function's template, what it was compiled to
version = ""  # of the rules now being compiled: `engine.compiled` sets it


def processor() -> str:
    """What machine code is made for: system, processor and its features."""
    return str(cpu_target.target_context.codegen().magic_tuple())


def made(
    unit: str, kernel: Callable[..., Any], arguments: tuple[types.Type, ...]
) -> tuple[Callable[..., Any], bytes | None]:
    """`kernel` as machine code for arguments of these types, and what `revived` makes it of again, if that can be kept."""
    name_apart(unit)
    dispatcher = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(kernel)
    with compiling(kernel):
        dispatcher.compile(arguments)
    found = dispatcher.overloads[arguments]
    for (
        env
    ) in found._find_referenced_environments():  # what its rules raise or print, now that their code is part of it
        found.target_context.codegen().set_env(env.env_name, env)
    kept = None if found.lifted or found.library.has_dynamic_globals else dumps(found._reduce())
    found.library._linking_libraries.clear()  # linked by now; else each of the rules' libraries would stay in memory
    return found.entry_point, kept


def revived(content: bytes) -> Callable[..., Any] | None:
    """Machine code that `made` gave, in another process or later; None where it cannot be taken up."""
    context = cpu_target.target_context
    context.refresh()
    try:
        return CompileResult._rebuild(context, *pickle.loads(content)).entry_point
    except Exception:  # of another version of what it was made of, whatever that raises: it is made anew
        return None


def register_scalar(function: Callable[..., Any]) -> None:
    """Let compiled code call a plain scalar function, or a routine."""
    options = CALLED if function in maths.ROUTINES else RULE
    register_jitable(**options)(function)


def use_version(digest: str, scalars: list[Callable[..., Any]]) -> None:
    """Compile from now on for this version of all rules and scalar functions: of what was compiled for the last few, its own
    is taken up, so that the kernels of a market share it, and none of another."""
    global version
    if digest != version:
        version = digest
        cpu_target.typing_context.refresh()
        compiled = _COMPILED[digest] = _COMPILED.pop(digest, {})
        for function in (*scalars, *OVERLOADED):
            for template in cpu_target.typing_context.resolve_value_type(function).templates:
                template._impl_cache = compiled.setdefault(template, {})
        while len(_COMPILED) > VERSIONS:
            _COMPILED.pop(next(iter(_COMPILED)))


def name_apart(unit: str) -> None:
    """Number the functions that are compiled from now on as nothing else is, in this process or another.

    numba counts functions and record types anew in each process, and a function's number and types make its symbol: machine
    code from the disk would be linked to whatever function of that name was compiled or loaded before.
    """
    FunctionIdentity._unique_ids = itertools.count(int(hashlib.sha256(unit.encode()).hexdigest()[:15], 16))


@infer_getattr
class _RecordRules(AttributeTemplate):
    """`record.name(...)` calls the rule `name` of the record's component; other attributes are the record's fields."""

    key = types.BaseNamedTuple

    def generic_resolve(self, value: Any, attr: str) -> Any:
        model = getattr(value.instance_class, "component", None)
        function = component.rules(model).get(attr) if model else None
        return types.BoundFunction(_method(function, version), value) if function else None


_CALLEES: dict[tuple[Callable[..., Any], str], Any] = {}  # the newest of each


@lru_cache(maxsize=1024)  # a market has a hundred, all of which must outlive the compilation that asks for them
def _method(function: Callable[..., Any], version: str) -> type[AbstractTemplate]:
    """The numba method that calls a rule, in one version of all rules, helpers and constants of a market."""
    dispatcher = njit(**RULE)(function)
    callee = _CALLEES[function, version] = types.Dispatcher(dispatcher)  # holds it by a weak reference only
    taken = function.__code__.co_argcount  # with `self`; what it is told beyond that, it leaves out
    given = Given.by(function)

    class Method(AbstractTemplate):
        key = (function, version)
        keeps = dispatcher

        def generic(self, args: Any, kws: Any) -> Any:
            if given and not kws and len(args) >= taken - 1:
                return signature(given.kind((self.this, *args)), *args, recvr=self.this)
            found = callee.get_call_type(self.context, (self.this, *args[: taken - 1]), kws)
            if len(args) < taken:
                return found.as_method()
            return signature(found.return_type, *found.args[1:], *args[taken - 1 :], recvr=found.args[0])

    @lower_builtin((function, version), types.BaseNamedTuple, types.VarArg(types.Any))
    def call(context: Any, builder: Any, called: Any, arguments: Any) -> Any:
        if given:
            return given.lowered(context, builder, called.return_type, arguments)
        newest = _CALLEES[function, version]  # what is lowered is registered for good, and this method may be made anew
        plain = newest.get_call_type(context.typing_context, called.args[:taken], {})
        implementation = context.get_function(newest, plain)
        context.add_linking_libs(getattr(implementation, "libs", ()))
        return implementation(builder, arguments[:taken])

    return Method


class LayoutType(types.Type):
    """The type of a `component.Layout`, which has no value: all is in the type of its template."""

    def __init__(self, template: types.Type) -> None:
        self.template = template
        super().__init__(name=f"Layout({template})")

    @property
    def key(self) -> types.Type:
        """What numba tells types apart by: two classes of one name have the same name here, and other rules."""
        return self.template


@typeof_impl.register(component.Layout)
def _typeof_layout(layout: component.Layout, context: Any) -> LayoutType:
    return LayoutType(typeof_impl(layout.template, context))


register_model(LayoutType)(models.OpaqueModel)


@unbox(LayoutType)
def _unbox_layout(kind: Any, value: Any, context: Any) -> NativeValue:
    return NativeValue(context.context.get_dummy_value())


def _shape(template: types.Type) -> types.Type:
    return template.template if isinstance(template, LayoutType) else template


def _numbers(kind: types.Type) -> int:
    return sum(map(_numbers, kind)) if isinstance(kind, types.BaseTuple) else 1


def _array_pointer(context: Any, builder: Any, kind: types.Array, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


@stands_for(component.load)
def _load(typing, template, array, base, stride):
    shape = _shape(template)

    def codegen(context, builder, signature, arguments):
        _, array_value, first, step = arguments
        pointer, number = _array_pointer(context, builder, signature.args[1], array_value), iter(range(10**6))

        def build(kind):
            if isinstance(kind, types.BaseTuple):
                return context.make_tuple(builder, kind, [build(item) for item in kind])
            offset = builder.mul(step, ir.Constant(step.type, next(number)))
            value = builder.load(builder.gep(pointer, [builder.add(first, offset)]))
            return context.cast(builder, value, signature.args[1].dtype, kind)

        return build(shape)

    return shape(template, array, types.intp, types.intp), codegen


@stands_for(component.store)
def _store(typing, values, array, base, stride):
    def codegen(context, builder, signature, arguments):
        value, array_value, first, step = arguments
        pointer, number = _array_pointer(context, builder, signature.args[1], array_value), iter(range(10**6))

        def put(kind, item):
            if isinstance(kind, types.BaseTuple):
                for i, part in enumerate(kind):
                    put(part, builder.extract_value(item, i))
            else:
                offset = builder.mul(step, ir.Constant(step.type, next(number)))
                place = builder.gep(pointer, [builder.add(first, offset)])
                dtype = signature.args[1].dtype
                context.pack_value(builder, dtype, context.cast(builder, item, kind, dtype), place)

        put(values, value)
        return context.get_dummy_value()

    return types.none(values, array, types.intp, types.intp), codegen


@stands_for(component.count)
def _count(typing, template):
    numbers = _numbers(_shape(template))
    return types.intp(template), lambda context, *_: context.get_constant(types.intp, numbers)


@compiled_as(noise.lane_key)
def _overload_lane_key(seed, lane):
    if isinstance(seed, types.Array):
        return lambda seed, lane: (seed[lane, 0], seed[lane, 1])
    return lambda seed, lane: (seed, lane)


@stands_for(maths.power_of_two)
def _power_of_two(typing, exponent):
    def codegen(context, builder, signature, arguments):
        bits = builder.add(arguments[0], ir.Constant(ir.IntType(64), 1023))
        return builder.bitcast(builder.shl(bits, ir.Constant(ir.IntType(64), 52)), ir.DoubleType())

    return types.float64(types.int64), codegen


@intrinsic
def _bits(typing, x):  # pyright: ignore
    return types.int64(types.float64), lambda c, builder, s, arguments: builder.bitcast(arguments[0], ir.IntType(64))


@intrinsic
def _from_bits(typing, bits):  # pyright: ignore
    return types.float64(types.int64), lambda c, builder, s, arguments: builder.bitcast(arguments[0], ir.DoubleType())


@compiled_as(maths.split)
def _overload_split(x):
    def split(x):
        bits = _bits(x)
        mantissa = _from_bits((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000)
        return mantissa, float(((bits >> 52) & 0x7FF) - 1023)

    return split
