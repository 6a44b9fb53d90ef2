# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""What numba must be told: how to find a rule by the type of its record, and how records lie in arrays."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.bytecode import FunctionIdentity
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature
from numba.extending import (
    NativeValue,
    intrinsic,
    lower_builtin,
    models,
    overload,
    register_jitable,
    register_model,
    typeof_impl,
    unbox,
)

from mm_env.core import component, engine_tuples, maths, noise
from mm_env.core.engine_lanes import TAKING_BODIES

version = ""  # of the rules now being compiled: `engine.compiled` sets it
_CALLED, _INLINED = engine_tuples.CALLED, engine_tuples.INLINED


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

    def _optimize_functions(self, ll_module):
        """As numba does, but with one pass manager a module and not one a function: LLVM keeps each of them for good."""
        ll_module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _optimize_final_module(self):
        if self._stands_alone:
            super()._optimize_final_module()

    def _finalize_final_module(self):
        if self._runs:
            super()._finalize_final_module()
        else:
            self._finalize_dynamic_globals()
            self._verify_declare_only_symbols()
            self._finalized = True


def processor() -> str:
    """What machine code is made for: system, processor and its features."""
    return str(cpu_target.target_context.codegen().magic_tuple())


def made(
    unit: str, kernel: Callable[..., Any], arguments: tuple[types.Type, ...]
) -> tuple[Callable[..., Any], bytes | None]:
    """`kernel` as machine code for arguments of these types, and what `revived` makes it of again, if that can be kept."""
    name_apart(unit)
    dispatcher = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(kernel)
    with _only_linked_into(kernel):
        dispatcher.compile(arguments)
    found = dispatcher.overloads[arguments]
    for (
        env
    ) in found._find_referenced_environments():  # what its rules raise or print, now that their code is part of it
        found.target_context.codegen().set_env(env.env_name, env)
    kept = None if found.lifted or found.library.has_dynamic_globals else dumps(found._reduce())
    found.library._linking_libraries.clear()  # linked by now; else each of the rules' libraries would stay in memory
    return found.entry_point, kept


@contextmanager
def _only_linked_into(kernel: Callable[..., Any]) -> Iterator[None]:
    codegen: Any = cpu_target.target_context.codegen()
    usual, codegen._library_class, Linked.kernel = codegen._library_class, Linked, kernel.__qualname__

    def set_env(name: str, env: Any) -> None:
        if codegen._engine.is_symbol_defined(name):
            type(codegen).set_env(codegen, name, env)

    codegen.set_env = set_env
    try:
        yield
    finally:
        codegen._library_class = usual
        del codegen.set_env


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
    options = _CALLED if function in maths.ROUTINES else _INLINED
    register_jitable(**options)(function)


def use_version(digest: str, scalars: list[Callable[..., Any]]) -> None:
    """Compile from now on for these versions of all rules; scalar functions forget what they were compiled to before."""
    global version
    if digest != version:
        version = digest
        cpu_target.typing_context.refresh()
        for function in (*scalars, *TAKING_BODIES):
            for template in cpu_target.typing_context.resolve_value_type(function).templates:
                template._impl_cache.clear()


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
    dispatcher = njit(**_INLINED)(function)
    callee = _CALLEES[function, version] = types.Dispatcher(dispatcher)  # holds it by a weak reference only
    taken = function.__code__.co_argcount  # with `self`; what it is told beyond that, it leaves out

    class Method(AbstractTemplate):
        key = (function, version)
        keeps = dispatcher

        def generic(self, args: Any, kws: Any) -> Any:
            found = callee.get_call_type(self.context, (self.this, *args[: taken - 1]), kws)
            if len(args) < taken:
                return found.as_method()
            return signature(found.return_type, *found.args[1:], *args[taken - 1 :], recvr=found.args[0])

    @lower_builtin((function, version), types.BaseNamedTuple, types.VarArg(types.Any))
    def call(context: Any, builder: Any, called: Any, arguments: Any) -> Any:
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


@intrinsic
def _load(typing, template, array, base, stride):  # pyright: ignore
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


@intrinsic
def _store(typing, values, array, base, stride):  # pyright: ignore
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


@overload(component.load, jit_options=_INLINED)
def _overload_load(template, array, base, stride):
    return lambda template, array, base, stride: _load(template, array, base, stride)


@overload(component.store, jit_options=_INLINED)
def _overload_store(values, array, base, stride):
    return lambda values, array, base, stride: _store(values, array, base, stride)


@overload(noise.lane_key, jit_options=_INLINED)
def _overload_lane_key(seed, lane):
    if isinstance(seed, types.Array):
        return lambda seed, lane: (seed[lane, 0], seed[lane, 1])
    return lambda seed, lane: (seed, lane)


@overload(component.count, jit_options=_INLINED)
def _overload_count(template):
    numbers = _numbers(_shape(template))
    return lambda template: numbers


@intrinsic
def _power_of_two(typing, exponent):  # pyright: ignore
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


@overload(maths.power_of_two, jit_options=_INLINED)
def _overload_power_of_two(exponent):
    return lambda exponent: _power_of_two(exponent)


@overload(maths.split, jit_options=_INLINED)
def _overload_split(x):
    def split(x):
        bits = _bits(x)
        mantissa = _from_bits((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000)
        return mantissa, float(((bits >> 52) & 0x7FF) - 1023)

    return split
