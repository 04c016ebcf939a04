"""What a run says of itself beside its tables: code, hardware, libraries, tasks, methods, why their values are so."""

import json
import os
import platform
from typing import Any

from lodo.benchmark.devices import processor
from lodo.benchmark.identity import code_hash, versions
from lodo.benchmark.plan import Plan
from lodo.benchmark.request import Request
from lodo.methods.select import explain
from lodo.reports.schema import RETRAINING
from lodo.tasks.spec import canonical_json, digest

# What the manifest says of the truth that stands among the methods.
RETRAINING_ABOUT = {
    "hyperparameters": {},
    "provenance": {},
    "paper": "",
    "summary": "the true leave-out of the attributed seed given as an estimate: what a method at most can tell of the "
    "other seeds' truth; 1 by construction against its own",
    "reference": True,
    "whole": True,
    "code": "",
}


def manifest(request: Request, plan: Plan) -> dict[str, Any]:
    """Everything needed to tell what the tables are of; the same for the same command on the same machine."""
    libraries = dict(versions(["lodo", "torch", "transformers", "tokenizers", "datasets", "numpy", "pandas", "scipy"]))
    return {
        "code": {
            "version": libraries.pop("lodo"),
            "hash": code_hash("lodo.benchmark.worker", "lodo.benchmark.collect"),
        },
        "scale": request.scale,
        "source": plan.sources,
        "definition": request.definition,
        "seeds": request.seeds,
        "runs": max(map(request.runs_on, plan.tasks)),
        "changes": dict(request.changes),
        "hardware": {
            "machine": platform.machine(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "device": request.runtime.device,
            "threads": request.runtime.threads,
            **({"cards": list(request.cards)} if request.cards else {}),
        },
        "libraries": libraries,
        "tasks": {task.name: json.loads(canonical_json(task)) | {"identity": digest(task)} for task in plan.tasks},
        "methods": {
            choice.name: {
                "hyperparameters": json.loads(canonical_json(choice.method.hyperparameters)),
                "provenance": {
                    name: {"reason": setting.why.reason, "detail": setting.why.detail}
                    for name, setting in explain(choice.method, request.scale).items()
                },
                "paper": choice.method.paper,
                "summary": choice.method.summary,
                "reference": choice.method.reference,
                "whole": choice.method.whole,
                "code": choice.code.hash,
            }
            for choice in request.methods
        }
        | {RETRAINING: RETRAINING_ABOUT},
        "warnings": list(plan.warnings),
    }
