"""The house's rules, read from the code itself: who may import whom, and how big things may be."""

from __future__ import annotations

import ast
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from io import StringIO
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"

LAYERS = (
    ("__main__",),
    ("cli",),
    ("server", "drill"),
    ("main",),
    ("api",),
    ("intake", "desk", "delivery", "alerts", "sandbox"),
    ("sheets", "live"),
    ("outbox",),
    ("preview",),
    ("reader",),
    ("proof", "repeats"),
    ("mapping", "sources"),
    ("config",),
    ("lead", "errors", "logs", "metrics"),
)
"""Imports run down this table. Beside each other only those that `BESIDE` names import one another."""

BESIDE = {
    ("desk", "intake"),  # the same bounds on requests
    ("desk", "delivery"),  # reads AgencyHandy's answers as it does
}

PURE = (
    "sources",
    "mapping",
    "proof",
    "repeats",
    "reader",
    "lead",
    "errors",
    "delivery.policy",
    "delivery.outcomes",
    "delivery.contract",
    "delivery.pages",
)
WEB_HTTP_SQL = {
    *("fastapi", "starlette", "uvicorn", "httpx", "httpcore", "h11", "requests", "aiohttp", "urllib3", "jinja2"),
    *("sqlalchemy", "aiosqlite", "sqlite3", "alembic", "asyncpg", "psycopg"),
    *("socket", "ssl", "asyncio", "http"),
}
SQL = {"sqlalchemy", "aiosqlite", "sqlite3", "alembic", "asyncpg", "psycopg"}

LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}
"""Tokens that make no line one of code."""

CHAPTERS = {
    "intake": 2800,
    "reading": 2950,
    "outbox": 2900,
    "delivery": 930,
    "alerts": 480,
    "desk": 2000,
    "api": 1000,
    "command line": 1600,
    "sheets": 500,
    "tools": 1000,
    "frame": 1250,
}
"""How many lines of code each may have; `frame` is all that has no chapter of its own."""
CHAPTER_OF = {
    **{name: name for name in ("intake", "outbox", "delivery", "alerts", "desk", "api", "sheets")},
    "live": "desk",
    **dict.fromkeys(("mapping", "sources", "reader", "proof", "repeats", "preview"), "reading"),
    **dict.fromkeys(("cli", "server"), "command line"),
    **dict.fromkeys(("sandbox", "drill"), "tools"),
}

LAYER_WORDS = {"services", "utils", "core", "crud", "managers", "helpers", "common", "lib", "misc"}


@dataclass(frozen=True)
class Module:
    """A module of app/, by its name without `app.`, such as `outbox.engine`."""

    path: Path

    @cached_property
    def name(self) -> str:
        parts = self.path.relative_to(APP).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[str]:
        """The dotted name of everything it imports, anywhere in it; `from a import b` as `a.b`."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: imports are absolute"
                found += [f"{node.module}.{alias.name}" for alias in node.names]
        return found

    @cached_property
    def of_app(self) -> list[str]:
        """What it imports of app, without `app.`; the package itself is ``."""
        return [name.partition(".")[2] for name in self.imports if name == "app" or name.startswith("app.")]


MODULES = [Module(path) for path in sorted(APP.rglob("*.py"))]
OURS = [module for module in MODULES if "versions" not in module.path.parts]
"""Without the migrations, which have Alembic's form."""


def package(name: str) -> str:
    return name.partition(".")[0]


def layer(name: str) -> int:
    """How far down in `LAYERS` a package stands."""
    found = [number for number, names in enumerate(LAYERS) if package(name) in names]
    assert found, f"app/{package(name)} has no place in LAYERS yet"
    return found[0]


def is_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def ids(module: Module) -> str:
    return module.name or "app"


def complaints(found: Iterator[str]) -> None:
    listed = list(found)
    assert not listed, "\n" + "\n".join(listed)


def test_imports_run_down_the_layers_only() -> None:
    def wrong() -> Iterator[str]:
        for module in MODULES:
            for name in module.of_app if module.name else ():
                mine, other = package(module.name), package(name)
                allowed = mine == other or layer(mine) < layer(other) or (mine, other) in BESIDE
                if not allowed:
                    yield f"{module.name} imports {name}"

    complaints(wrong())


def is_provider(module: Module) -> bool:
    """Whether it makes a `Source`; the other modules of sources/ are shared by those that do."""
    return any(
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "Source"
        for node in module.tree.body
    )


def test_no_module_needs_itself_by_way_of_others() -> None:
    names = {module.name for module in MODULES}
    needed = {
        module.name: {one for name in module.of_app for one in (name, name.rpartition(".")[0]) if one in names}
        for module in MODULES
        if module.name
    }
    packages = {name.rpartition(".")[0] for name in names}
    TopologicalSorter({name: needed[name] - packages for name in needed}).prepare()


def test_no_source_imports_another_source() -> None:
    inside = [module for module in MODULES if module.name.startswith("sources.")]
    providers = tuple(module.name for module in inside if is_provider(module))
    assert "sources.typeform" in providers
    complaints(f"{module.name} imports {name}" for module in inside for name in module.of_app if is_in(name, providers))


def reached_from(module: Module) -> dict[str, Module]:
    """The module and all of app that it imports, also at second hand."""
    by_name = {one.name: one for one in MODULES if one.name}
    found: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        one = waiting.pop()
        if one.name not in found:
            found[one.name] = one
            names = set(one.of_app)
            waiting += [other for name, other in by_name.items() if names & {name} or is_parent(name, names)]
    return found


def is_parent(name: str, imported: set[str]) -> bool:
    return any(one.rpartition(".")[0] == name for one in imported)


def test_what_is_pure_knows_no_web_no_http_and_no_sql_not_even_at_second_hand() -> None:
    def wrong() -> Iterator[str]:
        for module in MODULES:
            if is_in(module.name, PURE):
                for reached in reached_from(module).values():
                    for name in reached.imports:
                        if package(name) in WEB_HTTP_SQL:
                            yield f"{module.name} → {reached.name} imports {name}"

    complaints(wrong())


def test_the_sandbox_imports_nothing_else_of_the_app() -> None:
    complaints(
        f"{module.name} imports {name}"
        for module in MODULES
        if is_in(module.name, ("sandbox",))
        for name in module.of_app
        if not is_in(name, ("sandbox",))
    )


def test_sql_is_in_the_outbox_only() -> None:
    complaints(
        f"{module.name} imports {name}"
        for module in MODULES
        if not is_in(module.name, ("outbox",))
        for name in module.imports
        if package(name) in SQL
    )


def test_only_the_command_line_and_main_construct_settings() -> None:
    complaints(
        f"{module.name}, line {node.lineno}: calls {node.func.id}"
        for module in MODULES
        if module.name not in {"cli.base", "main", "config.settings"}
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Settings", "load_settings"}
    )


def run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that is evaluated when a module is imported: all but the bodies of functions."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def test_nothing_of_the_environment_is_read_at_import() -> None:
    readers = {"environ", "getenv", "Settings", "load_settings", "environment", "dotenv_values"}

    def wrong() -> Iterator[str]:
        for module in MODULES:
            for node in run_at_import(module.tree):
                called = node.func if isinstance(node, ast.Call) else node
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                is_call = isinstance(node, ast.Call)
                if (is_call and name in readers) or (isinstance(node, ast.Attribute) and name == "environ"):
                    yield f"{module.name}, line {getattr(node, 'lineno', 0)}: {name}"

    complaints(wrong())


def test_only_the_workers_guard_catches_everything() -> None:
    broad = [
        module.name
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        for caught in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
        if caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})
    ]
    assert broad == ["delivery.worker"]


def test_folders_are_named_by_what_they_are_about() -> None:
    complaints(
        str(path.relative_to(APP)) for path in APP.rglob("*") if path.suffix in {"", ".py"} and path.stem in LAYER_WORDS
    )


@pytest.mark.parametrize("module", OURS, ids=ids)
def test_a_module_says_what_it_is_and_has_at_most_300_lines(module: Module) -> None:
    assert ast.get_docstring(module.tree), "a module starts with a docstring"
    assert len(module.text.splitlines()) <= 300


def test_a_function_fits_on_a_screen() -> None:
    def wrong() -> Iterator[str]:
        for module in OURS:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or node.lineno) - node.lineno + 1
                    if lines > 50:
                        yield f"{module.name}.{node.name}: {lines} lines"

    complaints(wrong())


def lines_of_code(module: Module) -> int:
    """Its lines without blank ones, comments and docstrings; see docs/decisions/0004."""
    words: set[int] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            words.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(module.text).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - words)


def test_the_app_stays_small() -> None:
    """Each chapter by itself; an adapter is bounded on its own (docs/decisions/0004)."""
    counted: Counter[str] = Counter()
    for module in OURS:
        if not is_provider(module):
            counted[CHAPTER_OF.get(package(module.name), "frame")] += lines_of_code(module)
    complaints(f"{name} has {counted[name]} lines of code" for name, most in CHAPTERS.items() if counted[name] > most)
    assert set(counted) <= set(CHAPTERS)


def test_a_providers_adapter_is_short() -> None:
    complaints(
        f"{module.name} has {lines_of_code(module)} lines of code"
        for module in OURS
        if is_provider(module) and lines_of_code(module) > 75
    )


def test_the_checks_see_what_they_are_for() -> None:
    """A rule that finds nothing anywhere would never be broken."""
    assert {"sqlalchemy", "aiosqlite"} & {package(name) for module in MODULES for name in module.imports}
    assert "outbox.outbox.Outbox" in set(Module(APP / "main.py").of_app)
    assert layer("intake.forms") < layer("outbox.outbox") < layer("sources.html") < layer("lead")
    assert {package(name) for module in MODULES for name in module.imports} - sys.stdlib_module_names
