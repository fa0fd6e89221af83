"""Import rules that import-linter does not have: the order of areas, and what areas show others.

`pyproject.toml` declares them; a new area needs no change there.
"""

import ast
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AreasInOrderContract(Contract):
    """An area imports only areas before it in `AREAS` (rule 7).

    An area that is not in `AREAS` breaks the rule too.
    """

    root: Any = fields.StringField()
    order: Any = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every import between two areas with the list."""
        root = str(self.root)
        listed = listed_areas(Path(str(self.order)))
        unlisted = sorted({_last_name(module) for module in graph.find_children(root)} - set(listed))
        broken = [
            (importer, imported)
            for importer, imported in imports_between_areas(graph, root)
            if not unlisted and listed.index(_area(imported, root)) > listed.index(_area(importer, root))
        ]
        return ContractCheck(kept=not broken and not unlisted, metadata={"broken": broken, "unlisted": unlisted})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print a line for each import that is not allowed."""
        for area in check.metadata["unlisted"]:
            output.print_error(f"{self.root}.{area} is not in AREAS of {self.order}")
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}, from an area that comes later")


class NeighboursContract(Contract):
    """Other areas may import only the modules in `shown` of an area (rule 8).

    Only direct imports are checked.
    """

    root: Any = fields.StringField()
    shown: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Check the module name after the area's in every import between two areas."""
        depth = str(self.root).count(".") + 2
        broken = [
            (importer, imported)
            for importer, imported in imports_between_areas(graph, str(self.root))
            if "".join(imported.split(".")[depth : depth + 1]) not in self.shown
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print a line for each import that is not allowed."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(
                f"{importer} imports {imported}; other areas may import only {', '.join(sorted(self.shown))}"
            )


def listed_areas(path: Path) -> list[str]:
    """Return the names in `AREAS = (...)` of the composition root, without importing it."""
    for node in ast.parse(path.read_text()).body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if (
            isinstance(target, ast.Name)
            and target.id == "AREAS"
            and isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value is not None
        ):
            return list(ast.literal_eval(node.value))
    raise ValueError(f"{path} has no AREAS")


def imports_between_areas(graph: ImportGraph, root: str) -> list[tuple[str, str]]:
    """Return every direct import from a module of one area to a module of another, sorted."""
    modules = sorted(module for module in graph.modules if module.startswith(f"{root}."))
    return [
        (importer, imported)
        for importer in modules
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.startswith(f"{root}.") and _area(imported, root) != _area(importer, root)
    ]


def _area(module: str, root: str) -> str:
    return module.removeprefix(f"{root}.").split(".")[0]


def _last_name(module: str) -> str:
    return module.rpartition(".")[2]
