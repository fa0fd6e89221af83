"""Two import rules that import-linter has no words for; `pyproject.toml` names them, so a new room needs no edit there."""

import ast
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AreasInOrderContract(Contract):
    """A room imports only rooms that stand before it in `AREAS` (rule 7). A room that the list does not name breaks the rule too."""

    root: Any = fields.StringField()
    order: Any = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compares every import between two rooms with the list."""
        listed = listed_areas(Path(str(self.order)))
        unlisted = sorted({_tail(m) for m in graph.find_children(str(self.root))} - set(listed))
        broken = [
            (a, b)
            for a, b in between_rooms(graph, str(self.root))
            if not unlisted and listed.index(_room(b, str(self.root))) > listed.index(_room(a, str(self.root)))
        ]
        return ContractCheck(kept=not broken and not unlisted, metadata={"broken": broken, "unlisted": unlisted})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not allowed."""
        for room in check.metadata["unlisted"]:
            output.print_error(f"{self.root}.{room} is not in AREAS of {self.order}")
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}, a room that comes later")


class NeighboursContract(Contract):
    """A room shows its neighbours only the modules in `shown` (rule 8). Direct imports are judged."""

    root: Any = fields.StringField()
    shown: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks at what stands behind the room's name in every import between two rooms."""
        depth = str(self.root).count(".") + 2
        broken = [
            (a, b)
            for a, b in between_rooms(graph, str(self.root))
            if "".join(b.split(".")[depth : depth + 1]) not in self.shown
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not allowed."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}; a neighbour shows only {', '.join(sorted(self.shown))}")


def listed_areas(path: Path) -> list[str]:
    """The names in `AREAS = (...)` of the composition root, read without importing it."""
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


def between_rooms(graph: ImportGraph, root: str) -> list[tuple[str, str]]:
    """Every direct import from a module of one room to a module of another, sorted."""
    rooms = sorted(m for m in graph.modules if m.startswith(f"{root}."))
    return [
        (importer, imported)
        for importer in rooms
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.startswith(f"{root}.") and _room(imported, root) != _room(importer, root)
    ]


def _room(module: str, root: str) -> str:
    return module.removeprefix(f"{root}.").split(".")[0]


def _tail(module: str) -> str:
    return module.rpartition(".")[2]
