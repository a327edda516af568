"""Holds answers to the API's own description: every answer that the tests get is checked here."""

import json
import re
from pathlib import Path

import jsonschema

FILE = Path(__file__).resolve().parents[2] / "service" / "openapi.json"


class Description:
    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.seen = set()  # what was found right: who waits for something gets the same answer many times
        self.routes = [(re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), operations)
                       for path, operations in document["paths"].items()]

    def resolve(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def operation(self, method, path):
        for pattern, operations in self.routes:
            if pattern.match(path) and method.lower() in operations:
                return operations[method.lower()]
        return None

    def check(self, method, path, status, content_type, body):
        """AssertionError when an answer is not as described. body: parsed JSON, or None."""
        operation = self.operation(method, path)
        if operation is None:
            assert status in (404, 405), f"{method} {path} is not described but answered {status}"
            return
        assert str(status) in operation["responses"], (
            f"{method} {path}: {status} is not described: {body}")
        content = self.resolve(operation["responses"][str(status)]).get("content", {})
        kind = content_type.split(";")[0].strip()
        if not content:
            return
        assert kind in content, f"{method} {path} {status}: {kind} instead of {list(content)}"
        same = id(content), kind, hash(json.dumps(body))
        if kind.endswith("json") and "schema" in content[kind] and same not in self.seen:
            jsonschema.Draft202012Validator(content[kind]["schema"], resolver=self.resolver,
                                            format_checker=jsonschema.FormatChecker()).validate(body)
            self.seen.add(same)


description = Description(json.loads(FILE.read_text())) if FILE.exists() else None
