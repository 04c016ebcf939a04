"""Values that never change: frozen pydantic models, their canonical JSON and the digest that identifies them."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Positive = Annotated[int, Field(gt=0)]
FOR_A_KEY = "for a key"


def canonical_json(value: Any, context: str = "") -> str:
    """The one JSON text of a value: keys sorted, no spaces, models dumped; equal content gives equal text."""

    def plain(item: Any) -> Any:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json", context=context)
        raise TypeError(f"{type(item).__name__} has no canonical JSON form")

    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=plain, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, as 64 hexadecimal digits; an `added` field counts where it has an effect."""
    return hashlib.sha256(canonical_json(value, FOR_A_KEY).encode()).hexdigest()


def added(before: Any, **options: Any) -> Any:
    """A field that a model got after results had been stored under its values; options are those of pydantic's Field.

    ``before`` is the value with which everything is as it was without the field, and the default unless ``default``
    says otherwise. It stays what it is for ever, since a field that has it is left out of what `digest` hashes, and
    nothing else is: no two values that differ have one digest, old results keep their keys, and a default that
    changes later is a value that is hashed.
    """
    return Field(**{"default": before, **options}, json_schema_extra={"before": before})


def whereabouts(**options: Any) -> Any:
    """A field that says where something lies whose content another field identifies; never part of a digest."""
    return Field(**options, json_schema_extra={"whereabouts": True})


class Frozen(BaseModel):
    """A validated value that never changes and is equal to, and hashes like, any other of the same content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_what_changes_nothing(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        content = dump(self)
        if info.context == FOR_A_KEY:
            for name, field in type(self).model_fields.items():
                marked = field.json_schema_extra
                if not isinstance(marked, dict):
                    continue
                same = "before" in marked and canonical_json(content[name]) == canonical_json(marked["before"])
                if same or "whereabouts" in marked:
                    content = {key: value for key, value in content.items() if key != name}
        return content
