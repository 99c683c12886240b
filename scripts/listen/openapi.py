"""The OpenAPI document of the endpoint, made of the definitions of the messages themselves."""

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from models.i18n import _
from models.rules import fields as check
from models.rules.limits import LISTEN_LIST
from models.rules.messages import CONTENT_TYPES, FIELDS, OF_SEVERAL_TICKETS, Content
from models.rules.speaking import NAMES_SENDER, senders_of
from models.rules.vocabulary import Code, MessageType, label
from scripts.ingest.records import Outcome
from scripts.listen.answer import NOT_TAKEN, UNREADABLE
from scripts.listen.problems import PROBLEMS
from scripts.listen.receiving import DOCUMENT, LINES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_ANY: Schema = {}
_OF_CHECKS: Mapping[object, Schema] = {
    check.text: _TEXT,
    check.any_text: {"type": "string"},
    check.flag: {"type": "boolean"},
    check.texts: {"type": "array", "items": _TEXT, "minItems": 1},
    check.item: {"type": "string", "enum": [str(n) for n in range(1, 12)]},
    check.anything: _ANY,
}
_OBJECTS: Mapping[object, type[Struct]] = {
    check.claimant: check.Claimant,
    check.claimant_change: check.ClaimantChange,
    check.limit: check.Limit,
}


def openapi_document(version: str, server: str = "") -> Schema:
    """Return the document, in the language shown; `server` is the address of the endpoint."""
    kinds = [kind for kind in CONTENT_TYPES.values() if senders_of(kind.type, {})]
    schemas: Schema = {kind.__name__: message_schema(kind) for kind in kinds}
    schemas |= {struct.__name__: _object_schema(struct) for struct in _OBJECTS.values()}
    schemas["Message"] = {
        "oneOf": [_ref(kind.__name__) for kind in kinds],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.type.value: _path(kind.__name__) for kind in kinds},
        },
    }
    schemas["Answer"] = _answer_schema()
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": _("Messages to the 12345 hotline"), "version": version},
        "paths": {"/messages": {"post": _sending()}, "/healthz": {"get": _health()}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return document | ({"servers": [{"url": server}]} if server else {})


def message_schema(content: type[Content]) -> Schema:
    """Return the schema of a type of message: its envelope, and its fields as they are checked."""
    kind = content.type
    ticket: Schema = {**_TEXT, "description": _("The city's number of the ticket.")}
    if kind in OF_SEVERAL_TICKETS:
        several = {"type": "array", "items": _TEXT, "minItems": 1}
        ticket = {"oneOf": [_TEXT, several], "description": ticket["description"]}
    properties: Schema = {
        "type": {"const": kind.value},
        "ticket": ticket,
        "at": {
            **_TEXT,
            "format": "date-time",
            "description": _("When it happened; without an offset it is Asia/Shanghai."),
        },
        "id": {
            **_TEXT,
            "description": _("The sender's id of the message: the same again changes nothing."),
        },
    }
    required = ["type", "ticket", "at"]
    for name, field in FIELDS[kind].items():
        schema = _field_schema(field.check)
        if not field.required or field.nullable:
            schema = {"anyOf": [schema, {"type": "null"}]} if schema else schema
        properties[name] = schema
        required += [name] if field.required else []
    if kind in NAMES_SENDER:
        required.remove("by")
        properties["by"] = {**_TEXT, "description": _("The sender's own name, or left out.")}
    return {
        "type": "object",
        "title": label(MessageType, kind),
        "description": inspect.cleandoc(content.__doc__ or ""),
        "properties": properties,
        "required": required,
        "additionalProperties": True,
        "x-senders": sorted(senders_of(kind, {})),
    }


def _field_schema(field_check: check.Check) -> Schema:
    if isinstance(field_check, check.OneOf):
        return {"type": "string", "enum": field_check.texts}
    if field_check in _OBJECTS:
        return _ref(_OBJECTS[field_check].__name__)
    return _OF_CHECKS[field_check]


def _object_schema(struct: type[Struct]) -> Schema:
    hints = get_type_hints(struct)
    properties = {name: _hint_schema(hints[name]) for name in struct.__struct_fields__}
    description = inspect.cleandoc(struct.__doc__ or "")
    return {"type": "object", "description": description, "properties": properties}


def _hint_schema(hint: Any) -> Schema:
    """Return the schema of a part of an object, by its type."""
    for kind in (hint, *get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, Code):
            return {"type": "string", "enum": check.OneOf(*kind).texts}
        if kind in (str, int):
            return {"type": "string" if kind is str else "integer"}
    raise TypeError(hint)


def _sending() -> Schema:
    message = _ref("Message")
    several: Schema = {"type": "array", "items": message, "maxItems": LISTEN_LIST}
    lines = {"schema": {"type": "string", "description": _("A message a line.")}}
    document = {"schema": {"oneOf": [message, several]}}
    statuses = {
        200: _("Every message was taken, or was known."),
        207: _("Some messages were refused; each result says why."),
    }
    responses = {str(status): _response(text) for status, text in statuses.items()}
    for status in dict.fromkeys(kind.status for kind in PROBLEMS):
        codes = ", ".join(kind.code for kind in PROBLEMS if kind.status == status)
        responses[str(status)] = _response(codes)
    return {
        "operationId": "sendMessages",
        "summary": _("Send a message, a list of messages, or a message a line"),
        "security": [{"token": []}],
        "parameters": [
            {
                "name": "results",
                "in": "query",
                "schema": {"enum": ["all", "refused"], "default": "all"},
                "description": _("Which results the answer lists; the others are only counted."),
            },
            {"name": "X-Request-ID", "in": "header", "schema": {"type": "string"}},
            {"name": "Content-Encoding", "in": "header", "schema": {"enum": ["gzip", "identity"]}},
        ],
        "requestBody": {
            "required": True,
            "content": {DOCUMENT: document} | dict.fromkeys(LINES, lines),
        },
        "responses": responses,
    }


def _health() -> Schema:
    responses = {"200": {"description": "ok"}, "503": {"description": "store_away, stopping"}}
    return {"operationId": "health", "summary": _("Is it ready?"), "responses": responses}


def _response(description: str) -> Schema:
    return {"description": description, "content": {DOCUMENT: {"schema": _ref("Answer")}}}


def _answer_schema() -> Schema:
    text, number = {"type": "string"}, {"type": "integer"}
    result = {
        "line": {**number, "description": _("The line, or the place in the list, from 1.")},
        "id": text,
        "ticket": text,
        "outcome": {"enum": [outcome.value for outcome in Outcome]},
        "code": {"enum": [UNREADABLE, NOT_TAKEN]},
        "why": text,
        "reason": {
            **text,
            "description": _("Why: the same words in every language."),
        },
    }
    error = {"code": {"enum": [kind.code for kind in PROBLEMS]}, "message": text}
    properties = {
        "request": {**text, "description": _("The id of the request, which the log names too.")},
        "error": {"type": "object", "properties": error},
        "read": number,
        **dict.fromkeys((outcome.value for outcome in Outcome), number),
        "results": {"type": "array", "items": {"type": "object", "properties": result}},
    }
    return {"type": "object", "properties": properties, "required": ["request"]}


def _path(name: str) -> str:
    return f"#/components/schemas/{name}"


def _ref(name: str) -> Schema:
    return {"$ref": _path(name)}
