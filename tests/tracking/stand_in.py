"""A stand-in for W&B's server on this computer: as much GraphQL as a workspace and a report need."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY, PROJECT, NOW = "ann", "oral-cancer", "2026-01-01T00:00:00"


@dataclass
class StandIn:
    """What it knows, and what it was asked.

    Attributes:
        address: of the server.
        groups: how many runs there are of each group.
        views: workspaces and reports by their id, as they were saved last.
        asked: the name of every operation.
    """

    address: str = ""
    groups: dict[str, int] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = found[1] if found else ""
        self.asked.append(name)
        if "upsertView" in query:
            return {"upsertView": {"view": self._saved(variables), "inserted": "id" not in variables}}
        if "allViews" in query:
            edges = [{"node": view} for view in self.views.values() if view["name"] == variables["viewName"]]
            return {"project": {"allViews": {"edges": edges}}}
        if "view(id:" in query:
            return {"view": self.views[variables["reportId"]]}
        if "runCount" in query:
            number = self.groups.get(json.loads(variables["filters"])["group"], 0)
            page = {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}
            return {"project": {"internalId": "p", "runCount": number, "readOnly": False, "runs": page}}
        if name == "ProjectInternalId":
            return {"project": {"id": "p", "internalId": "UHJvamVjdEludGVybmFsSWQ6MQ=="}}
        if "models(" in query:
            told = {"entityName": ENTITY, "isBenchmark": False, "createdAt": NOW, "user": None}
            edges = [{"node": {"id": "p", "name": PROJECT} | told, "cursor": "0"}]
            return {"models": {"edges": edges, "pageInfo": {"endCursor": None, "hasNextPage": False}}}
        if "viewer" in query:
            return {"viewer": {"id": "u", "entity": ENTITY, "username": ENTITY, "flags": "{}", "teams": {"edges": []}}}
        return {}

    def _saved(self, variables: dict[str, Any]) -> dict[str, Any]:
        key = variables.get("id") or f"Vmlldzo{len(self.views)}"
        self.views[key] = {
            "id": key,
            "type": variables["type"],
            "name": variables["name"],
            "displayName": variables["displayName"],
            "description": variables["description"],
            "project": {"id": "p", "name": variables["projectName"], "entityName": variables["entityName"]},
            "spec": variables["spec"],
            "updatedAt": NOW,
            "createdAt": NOW,
        }
        return self.views[key]


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """One that serves until it is left."""
    known = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            sent = json.loads(sent) if self.path == "/graphql" else {"query": ""}
            body = json.dumps({"data": known.answer(sent["query"], sent.get("variables") or {})}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield known
        server.shutdown()
