"""A stand-in for W&B's server on this computer: as much of it as a workspace, a report and `wandb sync` need."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

ENTITY, PROJECT, NOW = "ann", "oral-cancer", "2026-01-01T00:00:00"


@dataclass
class StandIn:
    """What it knows, and what it was asked.

    Attributes:
        address: of the server.
        groups: how many runs there are of each group.
        views: workspaces and reports by their id, as they were saved last.
        asked: the name of every operation, with what it was given.
        files: what was sent, by its name.
    """

    address: str = ""
    groups: dict[str, int] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def given(self, operation: str) -> list[dict[str, Any]]:
        """What an operation was given, each time that it was asked for."""
        return [variables.get("input", variables) for name, variables in self.asked if name == operation]

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = found[1] if found else ""
        self.asked.append((name, variables))
        if sent := self._sent(name, variables):
            return sent
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

    def _sent(self, name: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        """What `wandb sync` is told of the run and the artifacts that it sends."""
        place = {"name": PROJECT, "id": "p", "entity": {"name": ENTITY, "id": "e"}}
        told = {"displayName": "", "description": "", "config": "{}", "sweepName": None, "historyLineCount": 0}
        upload = {"uploadHeaders": [], "uploadMultipartUrls": None}
        if name == "UpsertBucket":
            bucket = {"id": "b", "name": variables["name"], "project": place} | told
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if name == "ArtifactType":
            return {"project": None}
        if name == "CreateArtifact":
            made = {"id": variables["input"]["artifactCollectionName"], "state": "PENDING"}
            return {"createArtifact": {"artifact": made | {"artifactSequence": {"id": "s", "latestArtifact": None}}}}
        if name == "CreateArtifactManifest":
            url = f"{self.address}/{variables['artifactID']}/manifest"
            file = {"id": "f", "name": "manifest", "displayName": "manifest", "uploadUrl": url} | upload
            return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}
        if name == "CreateArtifactFiles":
            nodes = [
                {
                    "name": one["name"],
                    "displayName": one["name"],
                    "storagePath": "",
                    "artifact": {"id": one["artifactID"]},
                }
                | {"id": "f", "uploadUrl": f"{self.address}/{one['artifactID']}/{quote(one['name'])}"}
                | upload
                for one in variables["input"]["artifactFiles"]
            ]
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if name == "CommitArtifact":
            return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": ""}}}
        if name == "UseArtifact":
            return {"useArtifact": {"artifact": {"id": variables["input"]["artifactID"]}}}
        if name == "CreateRunFiles":
            files = [{"name": file, "uploadUrl": f"{self.address}/{quote(file)}"} for file in variables["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return None

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
            self._answer(body)

        def do_PUT(self) -> None:
            known.files[unquote(self.path[1:])] = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
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
