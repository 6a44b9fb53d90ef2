"""What of numba is not public and yet relied on is still there; if it is not, the first to say so is here."""

import ast
import importlib
from collections import namedtuple
from pathlib import Path

import pytest

from mm_env.core import engine_numba, maths

SOURCES = [
    ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(Path(engine_numba.__file__).parent.glob("engine_*.py"))
]
NODES = [node for source in SOURCES for node in ast.walk(source)]
IMPORTED = [
    (node.module, alias.name)
    for node in NODES
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("numba", "llvmlite")
    for alias in node.names
]
OF_CLASSES = [  # module, class, member
    ("numba.core.bytecode", "FunctionIdentity", "_unique_ids"),
    ("numba.core.codegen", "JITCPUCodegen", "_function_pass_manager"),
    ("numba.core.codegen", "JITCPUCodegen", "_library_class"),
    ("numba.core.codegen", "JITCPUCodegen", "magic_tuple"),
    ("numba.core.codegen", "JITCPUCodegen", "set_env"),
    ("numba.core.codegen", "JITCodeLibrary", "_finalize_dynamic_globals"),
    ("numba.core.codegen", "JITCodeLibrary", "_finalize_final_module"),
    ("numba.core.codegen", "JITCodeLibrary", "_optimize_final_module"),
    ("numba.core.codegen", "JITCodeLibrary", "_optimize_functions"),
    ("numba.core.codegen", "JITCodeLibrary", "_verify_declare_only_symbols"),
    ("numba.core.codegen", "JitEngine", "is_symbol_defined"),
    ("numba.core.compiler", "CompileResult", "_find_referenced_environments"),
    ("numba.core.compiler", "CompileResult", "_rebuild"),
    ("numba.core.compiler", "CompileResult", "_reduce"),
    ("numba.core.cgutils", "_StructProxy", "_getvalue"),
    ("numba.core.compiler", "DefaultPassBuilder", "define_nopython_pipeline"),
    ("numba.core.datamodel.models", "TupleModel", "contains_nrt_meminfo"),
    ("numba.core.datamodel.models", "TupleModel", "traverse"),
    ("numba.core.typing.templates", "AttributeTemplate", "generic_resolve"),
]
OF_THINGS = {  # what only an instance has
    "result": ("entry_point", "library", "lifted", "target_context"),
    "library": (
        "_codegen",
        "_finalized",
        "_linking_libraries",
        "has_dynamic_globals",
        "name",
    ),
    "codegen": ("_data_layout", "_engine"),
    "template": ("_impl_cache",),
    "environment": ("env_name",),
    "function": ("templates",),
    "context": (
        "add_linking_libs",
        "cast",
        "codegen",
        "data_model_manager",
        "get_constant_generic",
        "get_dummy_value",
        "get_function",
        "make_array",
        "make_tuple",
        "refresh",
    ),
    "dispatcher": ("get_call_type",),
    "record": ("instance_class",),
}
OURS = {"_runs", "_stands_alone"}


def require(thing, name, whose):
    assert hasattr(thing, name), f"numba changed: {whose}.{name} is gone, and mm_env/core/engine_*.py rely on it"


@pytest.mark.parametrize(("module", "name"), IMPORTED, ids=[".".join(pair) for pair in IMPORTED])
def test_numba_still_has_what_is_imported_from_it(module, name):
    require(importlib.import_module(module), name, module)


@pytest.mark.parametrize(("module", "owner", "name"), OF_CLASSES, ids=[".".join(parts[1:]) for parts in OF_CLASSES])
def test_numbas_classes_still_have_what_is_relied_on(module, owner, name):
    require(importlib.import_module(module), owner, module)
    require(getattr(importlib.import_module(module), owner), name, owner)


@pytest.fixture(scope="module")
def things():
    """One of each kind of numba's objects that the engine takes apart."""
    from numba import njit, types
    from numba.core.registry import cpu_target

    engine_numba.register_scalar(maths.clip)
    clip = maths.clip
    compiled = njit(lambda x: clip(x, 0.0, 1.0))
    compiled.compile((types.float64,))
    (result,) = compiled.overloads.values()
    function = cpu_target.typing_context.resolve_value_type(clip)
    return {
        "result": result, "library": result.library, "codegen": result.library._codegen, "function": function,
        "template": function.templates[0], "environment": result.environment, "context": cpu_target.target_context,
        "dispatcher": types.Dispatcher(compiled), "record": types.NamedTuple((types.float64,), namedtuple("One", "x")),
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in OF_THINGS.items() for name in names])
def test_numbas_objects_still_have_what_is_relied_on(kind, name, things):
    require(things[kind], name, f"a {kind} of {type(things[kind]).__name__}")


def test_every_private_name_that_the_engine_uses_is_told_of_here():
    used = {node.attr for node in NODES if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
    used = {name for name in used if not name.startswith("__")} - OURS
    told = {name for _, _, name in OF_CLASSES} | {name for names in OF_THINGS.values() for name in names}
    assert used <= told
