# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""What LLVM is told of a loop over lanes: that they are independent, how many go into a SIMD group, and that it shall
interleave the groups.

A rule is a chain of operations each of which waits for the one before. A processor overlaps what is near in the code and does
not wait for one another, so groups of lanes are stepped in turn, instruction by instruction. A group is as wide as the
registers are: left to itself LLVM takes half of a register of 512 bits, which steps lanes at two thirds of the speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from mm_env.core import lanes as plain
from mm_env.core.engine_compiler import compiled_as, stands_for

GROUPS = 2  # SIMD groups of lanes at a time: more need more registers than there are
WIDE = 8  # lanes in a group where registers hold as many


class _Node(ir.values.MDValue):
    """A node of metadata that is itself, whatever it holds."""

    def __init__(self, module: Any) -> None:
        super().__init__(module, (), name=str(len(module.metadata)))

    def descr(self, buf: list[str]) -> None:
        buf += ("distinct !{ ", ", ".join(operand.get_reference() for operand in self.operands), " }\n")

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


@stands_for(plain.over_lanes)
def _over_lanes(typing, body, lanes, arguments):
    def codegen(context, builder, signature, values):
        called = body.get_call_type(
            context.typing_context, (types.intp, *arguments), {}
        )  # of the rules as they are now
        function = context.get_function(body, called)
        context.add_linking_libs(getattr(function, "libs", ()))
        items = [builder.extract_value(values[2], i) for i in range(len(arguments))]
        total = cgutils.alloca_once_value(builder, ir.Constant(values[1].type, 0))
        builder.store(ir.Constant(values[1].type, 0), total)
        with _parallel(builder, values[1], _wide(context)) as j:
            counted = context.cast(builder, function(builder, [j, *items]), called.return_type, types.intp)
            builder.store(builder.add(builder.load(total), counted), total)
        return builder.load(total)

    return types.intp(body, lanes, arguments), codegen


@contextmanager
def _parallel(builder: Any, count: Any, wide: bool) -> Iterator[Any]:
    """A loop over 0, ..., count - 1 that says of each call in its body: what it reads and writes no other turn does."""
    word, entry = count.type, builder.block
    turn, done = builder.append_basic_block("lane"), builder.append_basic_block("lanes.done")
    builder.cbranch(builder.icmp_signed(">", count, ir.Constant(word, 0)), turn, done)
    builder.position_at_end(turn)
    j = builder.phi(word)
    j.add_incoming(ir.Constant(word, 0), entry)
    before = {block: len(block.instructions) for block in builder.function.blocks}
    yield j
    group = _Node(builder.module)
    for block in builder.function.blocks:
        for instruction in block.instructions[before.get(block, 0) :]:
            if isinstance(instruction, ir.CallInstr):
                instruction.set_metadata("llvm.access.group", group)
    following = builder.add(j, ir.Constant(word, 1), flags=("nuw", "nsw"))
    j.add_incoming(following, builder.block)
    latch = builder.cbranch(builder.icmp_signed("<", following, count), turn, done)
    latch.set_metadata("llvm.loop", _described(builder.module, group, wide))
    builder.position_at_end(done)


def _wide(context: Any) -> bool:
    """Whether the machine that code is made for has registers of eight numbers."""
    _, _, features = context.codegen().magic_tuple()
    return "+avx512f" in features.split(",")


def _described(module: Any, group: _Node, wide: bool) -> _Node:
    """What LLVM shall know of a loop whose turns are independent as far as the accesses of `group` go."""
    counts = {"llvm.loop.interleave.count": GROUPS} | ({"llvm.loop.vectorize.width": WIDE} if wide else {})
    said = [module.add_metadata([ir.MetaDataString(module, "llvm.loop.parallel_accesses"), group])]
    for name, number in counts.items():
        said.append(module.add_metadata([ir.MetaDataString(module, name), ir.Constant(ir.IntType(32), number)]))
    loop = _Node(module)
    loop.operands = (loop, *said)
    return loop


def _member(kind: Any, *names: str) -> Any:
    """The type of a record's member, by the names that lead to it."""
    for name in names:
        kind = kind.types[kind.fields.index(name)]
    return kind


@compiled_as(plain.stepped)
def _overload_stepped(rules, before, action, noise, memory):
    if not len(_member(before, "world", "margin")):
        return lambda rules, before, action, noise, memory: rules.step(before, action, noise, memory)

    def stepped(rules, before, action, noise, memory):
        after, reward = before, 0.0
        if rules.is_open(before):
            after, reward = rules.step(before, action, noise, memory)
        return after, reward

    return stepped


@stands_for(plain.borrowed)
def _borrowed(typing, array):
    def codegen(context, builder, signature, values):
        found = context.make_array(array)(context, builder, values[0])
        found.meminfo = ir.Constant(found.meminfo.type, None)
        found.parent = ir.Constant(found.parent.type, None)
        return found._getvalue()

    return array(array), codegen


@compiled_as(plain.of_lane)
def _overload_of_lane(shared, parameters, stride, tile, j):
    if isinstance(stride, types.NoneType):
        return lambda shared, parameters, stride, tile, j: shared
    return lambda shared, parameters, stride, tile, j: plain.load(shared, parameters, tile * stride + j, plain.TILE)
