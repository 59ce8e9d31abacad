"""What a person does with the page, without a browser."""

import time

import httpx


def drop(person: httpx.Client, files: dict[str, bytes]) -> dict[str, str]:
    """Drop files as the browser does; what was said of those that were refused."""
    person.post("/clear")
    said = {name: person.put("/images", params={"name": name}, content=content) for name, content in files.items()}
    person.post("/check")
    wait(person)
    return {name: answer.text for name, answer in said.items() if answer.status_code != 204}


def wait(person: httpx.Client) -> dict[str, object]:
    """Until the work is done."""
    for _ in range(1200):
        at = person.get("/progress").json()
        if at["state"] not in ("waiting", "running"):
            return at
        time.sleep(0.05)
    raise AssertionError(at)


def predict(person: httpx.Client) -> dict[str, object]:
    person.post("/predict")
    return wait(person)
