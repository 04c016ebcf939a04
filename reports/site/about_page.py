"""The page on what was run and with what, what words mean, where the data lie, how to compute a figure from them."""

from typing import Any

from lodo.reports import formats
from lodo.reports.page_values import facts, mapping
from lodo.reports.schema import SCHEMAS
from lodo.reports.site.exports import EXPORTS
from lodo.reports.site.material import Material
from lodo.reports.site.page import Sheet
from lodo.reports.site.recompute import recipe
from lodo.reports.tables import MANIFEST


def about_page(material: Material) -> Sheet:
    """``about.html``."""
    manifest = material.manifest
    context: dict[str, Any] = {
        "facts": facts(manifest) + _more(material),
        "code_hash": str(mapping(manifest.get("code")).get("hash") or ""),
        "identities": [
            (task, str(identity))
            for task in material.tasks
            if (identity := material.about_task(task).get("identity")) is not None
        ],
        "method_hashes": [
            (material.label(pair), str(code))
            for pair in material.rows.pairs
            if (code := material.about_method(pair).get("code"))
        ],
        "files": [(f"{name}.parquet", table.doc, _columns(table)) for name, table in SCHEMAS.items()]
        + [(MANIFEST, "What was run: versions, hardware, tasks, hyperparameters.", [])],
        "exports": EXPORTS,
        "recipe": recipe(material),
    }
    return Sheet("about", "About this run – lodo", "about.jinja", context, {})


def _columns(table: Any) -> list[tuple[str, str]]:
    return [(column.name, column.doc) for column in table.columns]


def _more(material: Material) -> list[tuple[str, str]]:
    """Date and command, and who the cards were, where the manifest has them."""
    manifest = material.manifest
    cards = mapping(manifest.get("hardware")).get("cards")
    entries = [
        ("Cards", ", ".join(map(str, cards)) if isinstance(cards, (list, tuple)) else None),
        ("Date", manifest.get("date")),
        ("Command", manifest.get("command")),
        ("Tasks", formats.number(len(material.tasks), 0)),
        ("Methods", formats.number(len(material.methods), 0)),
    ]
    return [(name, str(value)) for name, value in entries if value not in (None, "")]
